-- For Neovim 0.8 to 0.10, which have no `vim.lsp.enable`: the server starts with the first Python file.
-- `vim.g.kls_autostart = false` before this file is read leaves that to the user.
if vim.fn.has('nvim-0.11') == 1 or vim.fn.has('nvim-0.8') == 0 or vim.g.kls_autostart == false then
  return
end
local kls = require('kls')

vim.api.nvim_create_autocmd('FileType', {
  group = vim.api.nvim_create_augroup('kls', { clear = true }),
  pattern = kls.config().filetypes,
  callback = function(event)
    -- A help page, a difference, the text of another plugin: not a file of the user's.
    if vim.bo[event.buf].buftype ~= '' then
      return
    end
    local path = vim.api.nvim_buf_get_name(event.buf)
    local folder = path == '' and vim.fn.getcwd() or vim.fs.dirname(path)
    local marker = vim.fs.find(kls.root_markers, { upward = true, path = folder })[1]
    local root = marker and vim.fs.dirname(marker) or folder
    vim.lsp.start(vim.tbl_deep_extend('force', kls.config(), vim.g.kls_config or {}, { root_dir = root }))
  end,
})
