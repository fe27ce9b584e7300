--- `:checkhealth kls`: is the server there, does it run, and what does it say of Python, TensorFlow and the sandbox.
local M = {}

local health = {
  start = vim.health.start or vim.health.report_start,
  ok = vim.health.ok or vim.health.report_ok,
  info = vim.health.info or vim.health.report_info,
  warn = vim.health.warn or vim.health.report_warn,
  error = vim.health.error or vim.health.report_error,
}

local function command()
  local config = vim.lsp.config and vim.lsp.config.kls or vim.tbl_deep_extend('force', require('kls').config(), vim.g.kls_config or {})
  return type(config.cmd) == 'table' and config.cmd or nil
end

function M.check()
  health.start('kls')
  if vim.fn.has('nvim-0.8') == 0 then
    health.error('Neovim 0.8 or newer is needed.')
    return
  end
  local cmd = command()
  if not cmd then
    health.info('The server is started by a function of your own.')
  elseif vim.fn.executable(cmd[1]) == 0 then
    local setting = vim.lsp.config and "vim.lsp.config('kls', %s)" or 'vim.g.kls_config = %s'
    health.error(cmd[1] .. ' is not an executable that Neovim can find.', {
      'Install it: pip install kls',
      'Or give its path: ' .. setting:format("{ cmd = { '/path/to/kls', 'server' } }"),
    })
    return
  else
    health.ok(vim.fn.exepath(cmd[1]))
    local doctor = vim.list_extend({}, cmd)
    doctor[#doctor] = 'doctor'
    local lines = vim.fn.systemlist(doctor)
    local report = vim.v.shell_error == 0 and health.info or health.warn
    report('kls doctor says:\n' .. table.concat(lines, '\n'))
  end
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('kls') then
    health.warn("It is not enabled.", { "Put vim.lsp.enable('kls') into init.lua" })
  end
  local status = require('kls').status
  if next(status) == nil then
    health.info('No server is running: open a Python file that uses Keras.')
  end
  for id, last in pairs(status) do
    local tell = (last.state == 'failed') and health.warn or health.ok
    tell(('server %d: %s'):format(id, last.sentence))
  end
end

return M
