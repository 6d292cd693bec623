{
  boot.initrd.availableKernelModules = [ "ahci" "ehci_pci" ];
  hardware.cpu.intel.updateMicrocode = true;
  nixpkgs.hostPlatform = "x86_64-linux";
}
