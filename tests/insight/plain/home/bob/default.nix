{
  imports = [ (../../modules/shared + "/überall.nix") ];
  home.username = "bob";
  home.homeDirectory = "/home/bob";
  home.stateVersion = "24.11";
  programs.vscode.enable = false;
}
