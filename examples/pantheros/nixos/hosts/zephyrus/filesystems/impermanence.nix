# Written by pantherOS: pantherOS.filesystems.impermanence of hosts/zephyrus/host.nix.
{ pkgs, ... }:
{
  boot.initrd.systemd = {
    enable = true;
    extraBin.btrfs = "${pkgs.btrfs-progs}/bin/btrfs";
    storePaths = [ "${./impermanence/fresh-root}" ];
    services.fresh-root = {
      description = "A fresh root in place of the old one";
      wantedBy = [ "initrd.target" ];
      requires = [ "dev-mapper-crypted.device" ];
      after = [
        "dev-mapper-crypted.device"
        "systemd-hibernate-resume.service"
        "local-fs-pre.target"
      ];
      before = [ "sysroot.mount" ];
      unitConfig = {
        DefaultDependencies = false;
        ConditionKernelCommandLine = "!keep-root";
      };
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "/bin/bash ${./impermanence/fresh-root} /dev/mapper/crypted root old-roots 14";
      };
    };
  };
  fileSystems."/persist".neededForBoot = true;
  environment.persistence."/persist" = {
    hideMounts = true;
    directories = [
      "/var/lib/nixos"
      "/var/lib/opnix"
      "/var/lib/systemd"
      {
        directory = "/var/lib/tailscale";
        mode = "0700";
      }
    ];
    files = [
      "/etc/machine-id"
      "/etc/opnix-token"
      "/etc/ssh/ssh_host_ed25519_key"
      "/etc/ssh/ssh_host_ed25519_key.pub"
    ];
  };
}
