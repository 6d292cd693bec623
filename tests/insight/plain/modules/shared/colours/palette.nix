# Plain data, no module.
{
  name = "serra";
  background = "#101418";
  foreground = "#e8e4da";
}
