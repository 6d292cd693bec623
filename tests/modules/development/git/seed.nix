# As the proposal for this module had it.
{
  people = [ "ada" ];
  pantherOS.development.git = {
    enable = true;

    user = {
      name = "Developer Name";
      email = "dev@example.com";
      signingKey = "GPG_KEY_ID";
    };

    ssh = {
      enable = true;
      keyPath = "~/.ssh/id_ed25519";
      hosts = {
        github = "github.com";
        gitlab = "gitlab.com";
      };
    };

    hooks = {
      preCommit = [ "lint" "format" "test" ];
      commitMsg = [ "conventional-commits" ];
    };

    aliases = {
      st = "status -sb";
      co = "checkout";
      ci = "commit";
      br = "branch";
      lg = "log --oneline --graph";
    };

    merge = {
      tool = "vimdiff";
      conflictStyle = "diff3";
    };

    integrations = {
      github.enable = true;
      gitlab.enable = false;
    };

    lfs.enable = true;
  };
}
