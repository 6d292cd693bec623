{
  programs.foot.enable = true;
  programs.foot.settings.main.font = "monospace:size=11";
}
