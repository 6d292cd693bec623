# The boot menu, with more levels than anybody needs.
{ lib, ... }:
{
  options = {
    household = {
      menu.entries = {
        first.second = {
          third = {
            fourth.fifth.sixth = {
              seventh = {
                eighth.ninth = {
                  title = lib.mkOption {
                    type = lib.types.nullOr lib.types.str;
                    default = null;
                    description = "What stands there.";
                  };
                };
              };
            };
          };
        };
      };
    };
  };
}
