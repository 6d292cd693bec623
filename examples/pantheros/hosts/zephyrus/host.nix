# ASUS ROG Zephyrus M16: the heavy development machine. Two NVMe drives, NVIDIA beside Intel graphics.
{ pkgs, ... }:
{
  kind = "laptop";
  stage = "production";
  profiles = [
    "laptop"
    "development"
  ];
  people = [ "ada" ];
  tags = [ "portable" "performance" ];

  # What no module covers yet is plain NixOS.
  imports = [ ./nvidia.nix ];

  pantherOS = {
    system = {
      stateVersion = "24.11";
      nix.allowUnfree = [ "nvidia-x11" "nvidia-settings" ];
      packages = [ pkgs.powertop ];
    };
    boot = {
      kernel = "default"; # the one that NVIDIA's driver is built against
      kernelParameters = [ "intel_pstate=active" ];
    };
    filesystems.disks = {
      device = "/dev/disk/by-id/nvme-EXAMPLE_SSD_2T_Z1";
      disks.work = {
        device = "/dev/disk/by-id/nvme-EXAMPLE_SSD_1T_Z2";
        mountPoint = "/work";
      };
      swap = {
        kind = "partition";
        size = "32G";
      };
    };
  };

  pantherOS.development.containers = {
    runtime = "docker-compat";
    kubernetes = {
      enable = true;
      localCluster = "kind";
    };
    compose.enable = true;
    devContainers.enable = true;
    optimization.parallelBuilds = 8;
    multiArch = {
      enable = true;
      platforms = [ "linux/arm64" ];
    };
  };
}
