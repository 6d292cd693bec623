# Written by pantherOS: pantherOS.filesystems.impermanence of hosts/servers/contabo-vps/host.toml.
{ pkgs, ... }:
{
  boot.initrd.systemd = {
    enable = true;
    extraBin.btrfs = "${pkgs.btrfs-progs}/bin/btrfs";
    storePaths = [ "${./impermanence/fresh-root}" ];
    services.fresh-root = {
      description = "A fresh root in place of the old one";
      wantedBy = [ "initrd.target" ];
      requires = [ "dev-disk-by\\x2dpartlabel-disk\\x2dmain\\x2dsystem.device" ];
      after = [
        "dev-disk-by\\x2dpartlabel-disk\\x2dmain\\x2dsystem.device"
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
        ExecStart = "/bin/bash ${./impermanence/fresh-root} /dev/disk/by-partlabel/disk-main-system root old-roots 14";
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
