--- What `lsp/kls.lua` and the fallback for older Neovims share, and the commands of an attached buffer.
local M = {}

--- The last `kls/status` of each server, by client id: { state = ..., sentence = ... }.
M.status = {}

M.root_markers = { 'pyproject.toml', 'setup.py', 'setup.cfg', 'requirements.txt', '.git' }

--- What a lens above a model may offer.
M.lens_commands = {
  ['kls.showModelGraph'] = 'LspKlsGraph',
  ['kls.showModelSummary'] = 'LspKlsSummary',
}
for name, command in pairs(M.lens_commands) do
  vim.lsp.commands[name] = function()
    vim.cmd(command)
  end
end
vim.lsp.commands['kls.probeStep'] = function(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if client then
    M.probe_step(client, context.bufnr or 0, unpack(command.arguments or {}))
  end
end

--- The configuration of the server, as `vim.lsp.config` and `vim.lsp.start` both take it.
function M.config()
  return {
    name = 'kls',
    cmd = { 'kls', 'server' },
    filetypes = { 'python' },
    root_markers = M.root_markers,
    settings = { kls = vim.empty_dict() },
    init_options = { commands = vim.list_extend({ 'kls.probeStep' }, vim.tbl_keys(M.lens_commands)) },
    handlers = {
      ['kls/status'] = function(_, status, context)
        M.status[context.client_id] = status
        vim.api.nvim_exec_autocmds('User', { pattern = 'KlsStatus', data = status, modeline = false })
      end,
      ['kls/analysed'] = function(_, news, context)
        M.refresh(vim.lsp.get_client_by_id(context.client_id), news.uri)
      end,
    },
    on_attach = function(client, buffer)
      M.commands(client, buffer)
    end,
    on_exit = function(_, _, id)
      M.status[id] = nil
    end,
  }
end

--- For a status line: one sentence on what the worker is doing, "" where no server runs.
function M.sentence()
  local _, status = next(M.status)
  return status and status.sentence or ''
end

--- The client of a buffer, in the words of the Neovim that runs.
function M.client(buffer)
  local list = vim.lsp.get_clients or vim.lsp.get_active_clients
  return list({ bufnr = buffer or 0, name = 'kls' })[1]
end

local function request(client, method, params, buffer, done)
  if vim.fn.has('nvim-0.11') == 1 then
    client:request(method, params, done, buffer)
  else
    client.request(method, params, done, buffer)
  end
end

local function tell(message, level)
  vim.notify('kls: ' .. message, level or vim.log.levels.INFO)
end

--- Has one real step of the training call nearest to `line` (from 0) run, and tells what it took.
function M.probe_step(client, buffer, uri, line, again)
  tell('one real step is being run; an edit ends it')
  request(client, 'kls/probeStep', { uri = uri, line = line, again = again or false }, buffer, function(failure, answer)
    if failure then
      tell(failure.message, vim.log.levels.ERROR)
    else
      tell(answer.sentence)
    end
  end)
end

--- Splits with what the server says of a document, by what it is and the document's URI.
local views = {}

--- Puts text into the split of `name`, which is opened below where there is none; `q` closes it.
local function show(name, lines, filetype)
  local buffer = views[name]
  if not (buffer and vim.api.nvim_buf_is_valid(buffer)) then
    vim.cmd('botright new')
    buffer = vim.api.nvim_get_current_buf()
    views[name] = buffer
    vim.bo[buffer].buftype, vim.bo[buffer].bufhidden, vim.bo[buffer].swapfile = 'nofile', 'wipe', false
    vim.api.nvim_buf_set_name(buffer, 'kls://' .. name)
    vim.bo[buffer].filetype = filetype
    vim.wo.wrap = false
    vim.keymap.set('n', 'q', '<cmd>close<cr>', { buffer = buffer })
  end
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
end

--- What can be shown of a document: the request, the lines of its answer, and their filetype.
local kinds = {
  summary = {
    method = 'kls/summary',
    filetype = 'text',
    lines = function(answer)
      return vim.split(vim.trim(answer.text), '\n')
    end,
  },
  graph = {
    method = 'kls/graph',
    filetype = 'mermaid',
    lines = function(answer)
      local lines = {}
      for _, graph in ipairs(answer.graphs) do
        table.insert(lines, '%% ' .. graph.title .. ': ' .. graph.detail)
        vim.list_extend(lines, vim.split(vim.trim(graph.mermaid), '\n'))
      end
      return lines
    end,
  },
}

--- `only_open`: leave it where no split shows it.
local function view(client, kind, uri, only_open)
  local name = kind .. ' of ' .. uri
  local open = views[name] and vim.api.nvim_buf_is_valid(views[name])
  if only_open and not open then
    return
  end
  request(client, kinds[kind].method, { uri = uri }, 0, function(failure, answer)
    if failure then
      tell(failure.message, vim.log.levels.ERROR)
    elseif type(answer.reason) == 'string' then
      tell(answer.reason)
    else
      show(name, kinds[kind].lines(answer), kinds[kind].filetype)
    end
  end)
end

--- The server has news of a document: what is shown of it is asked for again.
function M.refresh(client, uri)
  for kind in pairs(kinds) do
    view(client, kind, uri, true)
  end
end

--- Ends the server and starts it anew for the same buffers.
local function restart(client)
  local buffers = vim.tbl_keys(client.attached_buffers)
  local clock = (vim.uv or vim.loop).new_timer()
  if vim.fn.has('nvim-0.11') == 1 then
    client:stop()
  else
    client.stop()
  end
  clock:start(50, 50, vim.schedule_wrap(function()
    if clock:is_closing() or vim.lsp.get_client_by_id(client.id) then
      return
    end
    clock:close()
    for _, buffer in ipairs(buffers) do
      vim.api.nvim_buf_call(buffer, function()
        vim.lsp.start(client.config)
      end)
    end
  end))
end

function M.commands(client, buffer)
  local function command(name, description, run)
    vim.api.nvim_buf_create_user_command(buffer, name, run, { desc = description })
  end
  command('LspKlsStatus', 'kls: what the worker is doing', function()
    tell((M.status[client.id] or { sentence = 'the server has not reported yet' }).sentence)
  end)
  command('LspKlsRestartWorker', 'kls: end the TensorFlow process and start a new one', function()
    request(client, 'kls/restartWorker', vim.empty_dict(), buffer, function(failure)
      if failure then
        tell(failure.message, vim.log.levels.ERROR)
      end
    end)
  end)
  command('LspKlsRestart', 'kls: end the server and start a new one', function()
    restart(client)
  end)
  command('LspKlsSummary', 'kls: the layers and shapes of the models in this file', function()
    view(client, 'summary', vim.uri_from_bufnr(buffer))
  end)
  local function probe_step(given)
    local line = vim.api.nvim_win_get_cursor(0)[1] - 1
    M.probe_step(client, buffer, vim.uri_from_bufnr(buffer), line, given.bang)
  end
  for _, name in ipairs({ 'KlsProbeStep', 'LspKlsProbeStep' }) do
    vim.api.nvim_buf_create_user_command(buffer, name, probe_step, {
      bang = true,
      desc = 'kls: run one real step of the training call nearest to the cursor; with ! again',
    })
  end
  command('LspKlsGraph', 'kls: the graphs of the models in this file, for Mermaid', function()
    view(client, 'graph', vim.uri_from_bufnr(buffer))
  end)
end

return M
