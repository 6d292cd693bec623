# Written by pantherOS: pantherOS.development.git of hosts/servers/hetzner-vps/host.toml.
{ lib, pkgs, ... }:
{
  programs.ssh.knownHosts."github.com".publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
  home-manager.users.ada = {
    programs = {
      git = {
        enable = true;
        settings = {
          user = {
            name = "Ada Example";
            email = "ada@example.org";
          };
          alias = {
            st = "status -sb";
            lg = "log --oneline --graph";
          };
          init.defaultBranch = "main";
          merge = {
            conflictStyle = "diff3";
            tool = "vimdiff";
          };
          diff.algorithm = "histogram";
          push.autoSetupRemote = true;
          pull.rebase = true;
          gpg.ssh.allowedSignersFile = "${./git/allowed-signers}";
          url."https://github.com/".insteadOf = "gh:";
        };
        signing = {
          format = "ssh";
          key = "~/.ssh/id_ed25519.pub";
          signByDefault = true;
        };
        hooks = {
          applypatch-msg = ./git/hook;
          commit-msg = ./git/hook;
          post-applypatch = ./git/hook;
          post-checkout = ./git/hook;
          post-commit = ./git/hook;
          post-index-change = ./git/hook;
          post-merge = ./git/hook;
          post-receive = ./git/hook;
          post-rewrite = ./git/hook;
          post-update = ./git/hook;
          pre-applypatch = ./git/hook;
          pre-auto-gc = ./git/hook;
          pre-commit = ./git/hook;
          pre-merge-commit = ./git/hook;
          pre-push = ./git/hook;
          pre-rebase = ./git/hook;
          pre-receive = ./git/hook;
          prepare-commit-msg = ./git/hook;
          proc-receive = ./git/hook;
          reference-transaction = ./git/hook;
          sendemail-validate = ./git/hook;
          update = ./git/hook;
          project-check = ./git/project-check;
          conventional-commits = ./git/conventional-commits;
          secrets-scan = ./git/secrets-scan;
        };
        lfs.enable = true;
      };
      gh.enable = true;
    };
    home.packages = [ (lib.lowPrio pkgs.vim) ];
  };
}
