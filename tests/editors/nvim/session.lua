-- A session in a headless Neovim with the real server: run by tests/editors/test_nvim.py with
--   nvim --clean --cmd 'set rtp+=editors/nvim' --headless -l session.lua
-- KLS_SESSION is a JSON object: command (list), file, out (a file for what was seen), old (whether to take the way of
-- Neovim 0.8 to 0.10, which have no vim.lsp.enable).
local given = vim.json.decode(vim.env.KLS_SESSION)
local PATIENCE_MS, LOOK_MS = 240000, 20
-- A machine that does much at once may need longer than kls waits by itself.
local SETTINGS = { kls = { worker = { timeout = 60 }, hardware = { timeout = 240 } } }
local questions = {}

-- The server asks before it runs a program of a folder that it does not know.
vim.ui.select = function(items, options, choose)
  table.insert(questions, options.prompt)
  choose(items[1], 1)
end

local function status()
  local _, last = next(require('kls').status)
  return last or {}
end

local function until_true(what, ask)
  local answer
  local came = vim.wait(PATIENCE_MS, function()
    answer = ask()
    return answer
  end, LOOK_MS)
  assert(came, ('never came: %s; the worker: %s; the log: %s'):format(what, vim.inspect(status()), vim.lsp.get_log_path()))
  return answer
end

local function errors()
  return vim.tbl_filter(function(each)
    return each.source == 'kls' and each.severity <= vim.diagnostic.severity.WARN
  end, vim.diagnostic.get(0))
end

--- Makes this Neovim one without what 0.11 brought, as far as the plugin can tell.
local function grow_old()
  local has = vim.fn.has
  vim.fn.has = function(feature)
    return feature == 'nvim-0.11' and 0 or has(feature)
  end
  vim.lsp.config, vim.lsp.enable, vim.lsp.is_enabled = nil, nil, nil
end

local function start()
  vim.cmd('filetype on')
  if given.old then
    grow_old()
    vim.g.kls_config = { cmd = given.command, settings = SETTINGS }
  else
    vim.lsp.config('kls', { cmd = given.command, settings = SETTINGS })
    vim.lsp.enable('kls')
  end
  -- A Neovim that runs a script reads no plugins by itself.
  vim.cmd('runtime! plugin/kls.lua')
  vim.cmd.edit(given.file)
end

local function session()
  start()
  local seen = { questions = questions }
  local program = vim.api.nvim_get_current_win()

  local found = until_true('a finding', function()
    return errors()[1]
  end)
  seen.finding = { code = found.code, message = found.message, line = found.lnum + 1, column = found.col }
  seen.line = vim.api.nvim_buf_get_lines(0, found.lnum, found.lnum + 1, false)[1]

  local row = vim.fn.search('Dense(64')
  vim.api.nvim_win_set_cursor(0, { row, vim.fn.getline(row):find('Dense') - 1 })
  vim.lsp.buf.hover()
  local float = until_true('a hover', function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        return window
      end
    end
  end)
  seen.hover = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(float), 0, -1, false)
  vim.api.nvim_win_close(float, true)

  vim.lsp.inlay_hint.enable(true)
  seen.hints = until_true('inlay hints', function()
    local labels = vim.tbl_map(function(each)
      local label = each.inlay_hint.label
      return type(label) == 'string' and label or label[1].value
    end, vim.lsp.inlay_hint.get({ bufnr = 0 }))
    return #labels > 0 and labels
  end)

  vim.cmd('LspKlsGraph')
  local function shown(kind)
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      if vim.api.nvim_buf_get_name(buffer):find('kls://' .. kind, 1, true) then
        return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
      end
    end
  end
  seen.graph = until_true('the graph', function()
    return shown('graph')
  end)
  seen.split = { windows = #vim.api.nvim_tabpage_list_wins(0), filetype = vim.bo.filetype, writable = vim.bo.modifiable }
  vim.api.nvim_set_current_win(program)

  vim.lsp.codelens.refresh({ bufnr = 0 })
  seen.lenses = until_true('lenses', function()
    local titles = vim.tbl_map(function(lens)
      return lens.command.title
    end, vim.lsp.codelens.get(0))
    return #titles > 0 and titles
  end)

  -- Beside the finding: a cursor anywhere in its line is enough.
  vim.api.nvim_win_set_cursor(0, { found.lnum + 1, #seen.line - 1 })
  local before = vim.api.nvim_buf_get_changedtick(0)
  local function wanted(action)
    return action.isPreferred and action.title:lower():find('reshape') ~= nil
  end
  until_true('a quick fix that was tried', function()
    local here = { line = found.lnum, character = 0 }
    local params = { textDocument = { uri = vim.uri_from_bufnr(0) }, range = { start = here, ['end'] = here } }
    params.context = { diagnostics = {}, only = { 'quickfix' } }
    local _, answer = next(vim.lsp.buf_request_sync(0, 'textDocument/codeAction', params, PATIENCE_MS) or {})
    return answer and vim.tbl_filter(wanted, answer.result or {})[1]
  end)
  vim.lsp.buf.code_action({ apply = true, filter = wanted })
  until_true('the quick fix', function()
    return vim.api.nvim_buf_get_changedtick(0) ~= before
  end)
  until_true('a program without findings', function()
    return #errors() == 0 and status().state == 'ready'
  end)
  seen.fixed = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')

  local said = {}
  local notify = vim.notify
  vim.notify = function(message)
    table.insert(said, message)
  end
  vim.api.nvim_win_set_cursor(0, { vim.fn.search('\\.fit('), 0 })
  vim.cmd('KlsProbeStep')
  seen.step = until_true('a real step', function()
    return said[2]
  end)
  vim.notify = notify

  -- Not saved yet: what is shown follows the text.
  seen.graph_after = until_true('a graph without a fault', function()
    local graph = shown('graph')
    return not graph:find('==>', 1, true) and graph
  end)
  vim.cmd('LspKlsSummary')
  seen.summary = until_true('the summary', function()
    return shown('summary')
  end)
  vim.cmd.normal('q')
  assert(not shown('summary'), 'q does not close the summary')
  vim.api.nvim_set_current_win(program)
  vim.cmd.write()

  vim.cmd('LspKlsRestartWorker')
  until_true('a restarted worker', function()
    return status().state == 'ready' and status().sentence:find('TensorFlow')
  end)
  seen.status = status()

  local first = vim.lsp.get_clients({ name = 'kls' })[1].id
  vim.cmd('LspKlsRestart')
  until_true('another server', function()
    local client = vim.lsp.get_clients({ name = 'kls' })[1]
    return client and client.id ~= first and require('kls').status[client.id] and status().state == 'ready'
  end)

  vim.cmd('checkhealth kls')
  seen.health = vim.api.nvim_buf_get_lines(0, 0, -1, false)

  vim.lsp.stop_client(vim.lsp.get_clients({ name = 'kls' }))
  until_true('the end of the server', function()
    return #vim.lsp.get_clients({ name = 'kls' }) == 0
  end)
  return seen
end

local good, result = xpcall(session, debug.traceback)
vim.fn.writefile({ vim.json.encode(good and result or { failure = result }) }, given.out)
vim.cmd(good and 'qall!' or 'cquit 1')
