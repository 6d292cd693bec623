# Nobody uses it any more.
{ programs.neovim.enable = true; }
