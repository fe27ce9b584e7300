-- For Neovim 0.11 and newer: `vim.lsp.enable('kls')` in init.lua starts it for Python files.
return require('kls').config()
