"""What NixOS refuses is found without it.

Each pair was evaluated with NixOS 24.11, which refuses the first and takes the second. A text is what a host says below
`[nixos]`, or a whole `host.nix` where TOML cannot say it; `fault` is the line that the finding points at.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from pantheros.checks.assertions import FUNCTIONS, RULES
from pantheros.checks.run import check
from pantheros.findings import Finding

FLEET = """\
name = "test"
release = "{release}"

[people.ada]
name = "Ada Example"
email = "ada@example.org"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada"]
admin = true

[defaults.pantherOS.system]
stateVersion = "24.11"
timeZone = "Europe/Berlin"

[defaults.pantherOS.filesystems.disks]
enable = true
device = "/dev/disk/by-id/nvme-Samsung_SSD_980_S64DNF0R123456"
"""


class Case(NamedTuple):
    code: str
    wrong: str
    right: str
    fault: str


GRUB = "[pantherOS.boot]\nenable = false\n[nixos]\n"
NVIDIA = 'nixpkgs.config.allowUnfree = true\nservices.xserver.videoDrivers = ["nvidia"]\nhardware.nvidia.open = true\n'
IDS = 'hardware.nvidia.prime.nvidiaBusId = "PCI:1:0:0"\nhardware.nvidia.prime.intelBusId = "PCI:0:2:0"\n'
NGINX = "services.nginx.enable = true\n"
ACME = 'security.acme.acceptTerms = true\nsecurity.acme.defaults.email = "ada@example.org"\n'
WILDCARD = 'security.acme.certs.wild = { domain = "*.example.org", webroot = "/var/lib/w", group = "nginx" }\n'
VHOST = 'services.nginx.virtualHosts."example.org"'
RESTIC = 'services.restic.backups.home.paths = ["/home"]\nservices.restic.backups.home.passwordFile = "/var/lib/key"\n'
BORG = 'services.borgbackup.jobs.home.repo = "/mnt/borg"\n'
WIREGUARD = 'networking.wireguard.interfaces.wg0.ips = ["10.0.0.1/24"]\n'
KEY = '"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U"'
INITRD_SSH = f"""\
[pantherOS.boot.initrd]
systemd = false
[nixos]
boot.initrd.network.enable = true
boot.initrd.network.ssh.enable = true
boot.initrd.network.ssh.authorizedKeys = [{KEY}]
"""
K3S = 'services.k3s.enable = true\nservices.k3s.role = "agent"\n'
NIX = '{ pkgs, ... }:\n{\n  kind = "server";\n  people = [ "ada" ];\n  nixos = {\n    %s\n  };\n}\n'
SHELL = """\
{ pkgs, ... }:
{
  kind = "server";
  people = [ "ada" ];
  nixos.users.users.bob = {
    isNormalUser = true;
    shell = pkgs.%s;
  };
  nixos.programs.%s.enable = %s;
}
"""
POSTGRESQL = "services.postgresql.enable = true\n"
NEXTCLOUD = """\
services.nextcloud.enable = true
services.nextcloud.hostName = "cloud.example.org"
services.nextcloud.database.createLocally = true
"""
X = "services.xserver.enable = true\n"
AUTO = 'services.displayManager.autoLogin = { enable = true, user = "ada" }\n'
FIREFOX = "[home.programs.firefox]\nenable = true\n"
PEER = '{ publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=", allowedIPs = ["10.0.0.2/32"], '
PROXY = """\
programs.proxychains.enable = true
programs.proxychains.proxies.tor = { enable = true, type = "socks5", host = "127.0.0.1", port = 9050 }
"""
HTTPD = """\
services.httpd.enable = true
services.httpd.adminAddr = "ada@example.org"
services.httpd.virtualHosts.box.sslServerCert = "/c"
services.httpd.virtualHosts.box.sslServerKey = "/k"
"""
DATA = 'fileSystems."/data".device = "/dev/mapper/data"\nfileSystems."/data".fsType = "ext4"\n'
FREE = "nixpkgs.config.allowUnfree = true\n"

CASES = [
    Case(
        "two-power-daemons",
        "services.power-profiles-daemon.enable = true\nservices.tlp.enable = true",
        "services.tlp.enable = true",
        "services.tlp.enable = true",
    ),
    Case(
        "two-power-daemons",
        "services.power-profiles-daemon.enable = true\nservices.auto-cpufreq.enable = true",
        "services.auto-cpufreq.enable = true",
        "services.auto-cpufreq.enable = true",
    ),
    Case(
        "two-power-daemons",
        "services.desktopManager.plasma6.enable = true\nservices.tlp.enable = true",
        "services.desktopManager.plasma6.enable = true\nservices.tlp.enable = true\n"
        "services.power-profiles-daemon.enable = false",
        "services.tlp.enable = true",
    ),
    Case(
        "two-power-daemons",
        "services.xserver.enable = true\nservices.xserver.desktopManager.gnome.enable = true\n"
        "services.auto-cpufreq.enable = true",
        "services.xserver.enable = true\nservices.xserver.desktopManager.gnome.enable = true\n"
        "services.auto-cpufreq.enable = true\nservices.power-profiles-daemon.enable = false",
        "services.auto-cpufreq.enable = true",
    ),
    Case(
        "locked-out",
        "[pantherOS.users]\nimmutable = false\n[force.nixos]\nusers.mutableUsers = false\n"
        'users.users.ada.openssh.authorizedKeys.keys = []\nusers.users.root.hashedPassword = "!"',
        "[pantherOS.users]\nimmutable = false\n[force.nixos]\nusers.mutableUsers = false\n"
        'users.users.ada.openssh.authorizedKeys.keys = []\nusers.users.root.hashedPassword = ""',
        "users.mutableUsers = false",
    ),
    Case(
        "grub-without-device",
        "[force.nixos]\nboot.loader.systemd-boot.enable = false",
        '[force.nixos]\nboot.loader.systemd-boot.enable = false\nboot.loader.grub.device = "nodev"\n'
        "boot.loader.grub.efiSupport = true",
        "boot.loader.systemd-boot.enable = false",
    ),
    Case(
        "acme-terms-not-accepted",
        'security.acme.defaults.email = "ada@example.org"\nsecurity.acme.certs."example.org".webroot = "/var/lib/w"',
        f'{ACME}security.acme.certs."example.org".webroot = "/var/lib/w"',
        'security.acme.certs."example.org".webroot = "/var/lib/w"',
    ),
    Case(
        "acme-star-in-name",
        f'{ACME}security.acme.certs."*.example.org".dnsProvider = "rfc2136"',
        f'{ACME}security.acme.certs.wild = {{ domain = "*.example.org", dnsProvider = "rfc2136" }}',
        'security.acme.certs."*.example.org".dnsProvider = "rfc2136"',
    ),
    Case(
        "acme-challenge",
        f'{ACME}security.acme.certs."example.org" = {{}}',
        f'{ACME}{NGINX}{VHOST}.enableACME = true\nsecurity.acme.certs."example.org" = {{}}',
        'security.acme.certs."example.org" = {}',
    ),
    Case(
        "acme-challenge",
        f'{ACME}security.acme.certs."example.org" = {{ dnsProvider = "rfc2136", listenHTTP = ":80" }}',
        f'{ACME}security.acme.certs."example.org".listenHTTP = ":80"',
        'security.acme.certs."example.org" = { dnsProvider = "rfc2136", listenHTTP = ":80" }',
    ),
    Case(
        "conflicting-values",
        'fileSystems."/".device = "/dev/disk/by-uuid/1b6ff4ae"',
        'fileSystems."/mnt" = { device = "/dev/disk/by-uuid/1b6ff4ae", fsType = "ext4" }',
        'fileSystems."/".device = "/dev/disk/by-uuid/1b6ff4ae"',
    ),
    Case(
        "conflicting-values",
        'fileSystems."/".fsType = "xfs"',
        '[force.nixos]\nfileSystems."/".fsType = "xfs"',
        'fileSystems."/".fsType = "xfs"',
    ),
    Case(
        "networkmanager-and-wireless",
        "networking.networkmanager.enable = true\nnetworking.wireless.enable = true",
        'networking.networkmanager.enable = true\nnetworking.networkmanager.unmanaged = ["wlan1"]\n'
        "networking.wireless.enable = true",
        "networking.wireless.enable = true",
    ),
    Case(
        "networkmanager-and-wireless",
        "services.xserver.enable = true\nservices.xserver.desktopManager.gnome.enable = true\n"
        "networking.wireless.enable = true",
        "services.xserver.enable = true\nservices.xserver.desktopManager.gnome.enable = true\n"
        "networking.networkmanager.enable = false\nnetworking.wireless.enable = true",
        "networking.wireless.enable = true",
    ),
    Case(
        "two-wireless-daemons",
        "networking.wireless.enable = true\nnetworking.wireless.iwd.enable = true",
        "networking.wireless.iwd.enable = true",
        "networking.wireless.iwd.enable = true",
    ),
    Case(
        "two-sound-servers",
        "services.pipewire = { enable = true, pulse.enable = true }\nhardware.pulseaudio.enable = true",
        "services.pipewire.enable = true\nhardware.pulseaudio.enable = true",
        "hardware.pulseaudio.enable = true",
    ),
    Case(
        "two-sound-servers",
        "services.xserver.enable = true\nhardware.pulseaudio.enable = true",
        "services.xserver.enable = true\nhardware.pulseaudio.enable = true\nservices.pipewire.audio.enable = false\n"
        "services.pipewire.alsa.enable = false\nservices.pipewire.pulse.enable = false",
        "hardware.pulseaudio.enable = true",
    ),
    Case(
        "resolved-and-host-resolv-conf",
        "services.resolved.enable = true\nnetworking.useHostResolvConf = true",
        "services.resolved.enable = true\nnetworking.useHostResolvConf = false",
        "networking.useHostResolvConf = true",
    ),
    Case(
        "iptables-commands-with-nftables",
        'networking.nftables.enable = true\nnetworking.firewall.extraCommands = "iptables -A INPUT -j DROP"',
        'networking.nftables.enable = true\nnetworking.firewall.extraInputRules = "tcp dport 22 accept"',
        'networking.firewall.extraCommands = "iptables -A INPUT -j DROP"',
    ),
    Case(
        "iptables-commands-with-nftables",
        'networking.nftables.enable = true\nnetworking.nat.enable = true\nnetworking.nat.extraCommands = "iptables -F"',
        "networking.nftables.enable = true\nnetworking.nat.enable = true",
        'networking.nat.extraCommands = "iptables -F"',
    ),
    Case(
        "ruleset-file-and-firewall",
        'networking.nftables.enable = true\nnetworking.nftables.rulesetFile = "/etc/own.nft"',
        'networking.nftables.enable = true\nnetworking.nftables.rulesetFile = "/etc/own.nft"\n'
        "networking.firewall.enable = false",
        'networking.nftables.rulesetFile = "/etc/own.nft"',
    ),
    Case(
        "forward-filter-without-nftables",
        "networking.nftables.enable = false\nnetworking.firewall.filterForward = true",
        "networking.nftables.enable = true\nnetworking.firewall.filterForward = true",
        "networking.firewall.filterForward = true",
    ),
    Case(
        "nat-without-external-interface",
        "networking.nat.enable = true\n"
        'networking.nat.forwardPorts = [{ sourcePort = 80, destination = "10.0.0.2:80", proto = "tcp" }]',
        'networking.nat.enable = true\nnetworking.nat.externalInterface = "eth0"\n'
        'networking.nat.forwardPorts = [{ sourcePort = 80, destination = "10.0.0.2:80", proto = "tcp" }]',
        'networking.nat.forwardPorts = [{ sourcePort = 80, destination = "10.0.0.2:80", proto = "tcp" }]',
    ),
    Case(
        "gateway-without-interface",
        'networking.useNetworkd = true\nnetworking.defaultGateway = "192.0.2.1"',
        'networking.useNetworkd = true\nnetworking.defaultGateway = { address = "192.0.2.1", interface = "eth0" }',
        'networking.defaultGateway = "192.0.2.1"',
    ),
    Case(
        "gateway-without-interface",
        'networking.useNetworkd = true\nnetworking.defaultGateway6 = { address = "fe80::1" }',
        'networking.useNetworkd = true\nnetworking.defaultGateway6 = { address = "fe80::1", interface = "eth0" }',
        'networking.defaultGateway6 = { address = "fe80::1" }',
    ),
    Case(
        "host-id-not-hexadecimal",
        'networking.hostId = "my-server"',
        'networking.hostId = "8425e349"',
        'networking.hostId = "my-server"',
    ),
    Case(
        "user-of-two-kinds",
        "users.users.bob.isNormalUser = true\nusers.users.bob.isSystemUser = true",
        "users.users.bob.isNormalUser = true",
        "users.users.bob.isSystemUser = true",
    ),
    Case(
        "user-of-no-kind",
        'users.users.bob.hashedPassword = "!"',
        'users.users.bob.hashedPassword = "!"\nusers.users.bob.isNormalUser = true',
        'users.users.bob.hashedPassword = "!"',
    ),
    Case(
        "user-without-group",
        "users.users.worker.isSystemUser = true",
        'users.users.worker.isSystemUser = true\nusers.users.worker.group = "worker"\nusers.groups.worker = {}',
        "users.users.worker.isSystemUser = true",
    ),
    Case(
        "group-missing",
        'users.users.worker.isSystemUser = true\nusers.users.worker.group = "worker"',
        'users.users.worker.isSystemUser = true\nusers.users.worker.group = "worker"\nusers.groups.worker = {}',
        'users.users.worker.group = "worker"',
    ),
    Case(
        "duplicate-number",
        "users.users.bob = { isNormalUser = true, uid = 1500 }\nusers.users.eve = { isNormalUser = true, uid = 1500 }",
        "users.users.bob = { isNormalUser = true, uid = 1500 }\nusers.users.eve = { isNormalUser = true, uid = 1501 }",
        "users.users.eve = { isNormalUser = true, uid = 1500 }",
    ),
    *(
        Case("shell-not-enabled", SHELL % (name, name, "false"), SHELL % (name, name, "true"), f"shell = pkgs.{name};")
        for name in ("zsh", "fish", "xonsh")
    ),
    Case(
        "sudo-and-sudo-rs",
        "security.sudo.enable = true\nsecurity.sudo-rs.enable = true",
        '[pantherOS.users.sudo]\nimplementation = "sudo-rs"',
        "security.sudo-rs.enable = true",
    ),
    Case(
        "message-of-the-day-twice",
        'users.motd = "Welcome"\nusers.motdFile = "/etc/motd.txt"',
        'users.motdFile = "/etc/motd.txt"',
        'users.motd = "Welcome"',
    ),
    Case(
        "two-ssh-agents",
        "programs.gnupg.agent = { enable = true, enableSSHSupport = true }\nprograms.ssh.startAgent = true",
        "programs.gnupg.agent.enable = true\nprograms.ssh.startAgent = true",
        "programs.ssh.startAgent = true",
    ),
    Case(
        "known-host-without-key",
        f'programs.ssh.knownHosts.nas.publicKey = {KEY}\nprograms.ssh.knownHosts.nas.publicKeyFile = "/etc/nas.pub"',
        f"programs.ssh.knownHosts.nas.publicKey = {KEY}",
        f"programs.ssh.knownHosts.nas.publicKey = {KEY}",
    ),
    Case(
        "known-host-without-key",
        'programs.ssh.knownHosts.nas.extraHostNames = ["nas.lan"]',
        f'programs.ssh.knownHosts.nas.extraHostNames = ["nas.lan"]\nprograms.ssh.knownHosts.nas.publicKey = {KEY}',
        'programs.ssh.knownHosts.nas.extraHostNames = ["nas.lan"]',
    ),
    Case(
        "two-password-dialogues",
        "services.xserver.enable = true\nservices.desktopManager.plasma6.enable = true\n"
        "services.xserver.desktopManager.gnome.enable = true",
        "services.xserver.enable = true\nservices.desktopManager.plasma6.enable = true\n"
        'services.xserver.desktopManager.gnome.enable = true\nprograms.ssh.askPassword = "/bin/ask"',
        "services.xserver.desktopManager.gnome.enable = true",
    ),
    Case(
        "two-plasmas",
        "services.xserver.enable = true\nservices.desktopManager.plasma6.enable = true\n"
        "services.xserver.desktopManager.plasma5.enable = true",
        "services.xserver.enable = true\nservices.desktopManager.plasma6.enable = true",
        "services.xserver.desktopManager.plasma5.enable = true",
    ),
    Case(
        "display-manager-without-display",
        "services.displayManager.sddm.enable = true",
        "services.displayManager.sddm.enable = true\nservices.displayManager.sddm.wayland.enable = true",
        "services.displayManager.sddm.enable = true",
    ),
    Case(
        "display-manager-without-display",
        "services.xserver.displayManager.lightdm.enable = true",
        "services.xserver.enable = true\nservices.xserver.displayManager.lightdm.enable = true",
        "services.xserver.displayManager.lightdm.enable = true",
    ),
    Case(
        "auto-login-of-nobody",
        "services.xserver.enable = true\nservices.xserver.desktopManager.gnome.enable = true\n"
        "services.xserver.displayManager.gdm.enable = true\nservices.displayManager.autoLogin.enable = true",
        "services.xserver.enable = true\nservices.xserver.desktopManager.gnome.enable = true\n"
        "services.xserver.displayManager.gdm.enable = true\nservices.displayManager.autoLogin.enable = true\n"
        'services.displayManager.autoLogin.user = "ada"',
        "services.displayManager.autoLogin.enable = true",
    ),
    Case(
        "flatpak-without-portals",
        NIX % "services.flatpak.enable = true;",
        NIX % "services.flatpak.enable = true; xdg.portal.enable = true;"
        " xdg.portal.extraPortals = [ pkgs.xdg-desktop-portal-gtk ];",
        "services.flatpak.enable = true;",
    ),
    Case(
        "portal-without-implementation",
        NIX % "xdg.portal.enable = true;",
        NIX % "xdg.portal.enable = true; xdg.portal.extraPortals = [ pkgs.xdg-desktop-portal-gtk ];",
        "xdg.portal.enable = true;",
    ),
    Case(
        "nvidia-module-not-chosen",
        'nixpkgs.config.allowUnfree = true\nservices.xserver.videoDrivers = ["nvidia"]',
        NVIDIA,
        'services.xserver.videoDrivers = ["nvidia"]',
    ),
    Case(
        "prime-modes",
        f"{NVIDIA}{IDS}hardware.nvidia.prime.offload.enable = true\nhardware.nvidia.prime.sync.enable = true",
        f"{NVIDIA}{IDS}hardware.nvidia.prime.offload.enable = true",
        "hardware.nvidia.prime.sync.enable = true",
    ),
    Case(
        "prime-modes",
        f"{NVIDIA}{IDS}hardware.nvidia.prime.reverseSync.enable = true\nhardware.nvidia.prime.sync.enable = true",
        f"{NVIDIA}{IDS}hardware.nvidia.prime.sync.enable = true",
        "hardware.nvidia.prime.sync.enable = true",
    ),
    Case(
        "prime-modes",
        f"{NVIDIA}hardware.nvidia.powerManagement.finegrained = true",
        f"{NVIDIA}{IDS}hardware.nvidia.powerManagement.finegrained = true\nhardware.nvidia.prime.offload.enable = true",
        "hardware.nvidia.powerManagement.finegrained = true",
    ),
    Case(
        "prime-without-bus-ids",
        f"{NVIDIA}hardware.nvidia.prime.offload.enable = true",
        f"{NVIDIA}{IDS}hardware.nvidia.prime.offload.enable = true",
        "hardware.nvidia.prime.offload.enable = true",
    ),
    Case(
        "prime-without-bus-ids",
        f'{NVIDIA}hardware.nvidia.prime.nvidiaBusId = "PCI:1:0:0"\nhardware.nvidia.prime.sync.enable = true',
        f"{NVIDIA}{IDS}hardware.nvidia.prime.sync.enable = true",
        "hardware.nvidia.prime.sync.enable = true",
    ),
    Case(
        "firmware-not-permitted",
        "hardware.enableAllFirmware = true",
        "nixpkgs.config.allowUnfree = true\nhardware.enableAllFirmware = true",
        "hardware.enableAllFirmware = true",
    ),
    Case(
        "two-boot-loaders",
        f'{GRUB}boot.loader.systemd-boot.enable = true\nboot.loader.grub = {{ enable = true, device = "nodev" }}',
        f'{GRUB}boot.loader.grub = {{ enable = true, device = "nodev" }}',
        'boot.loader.grub = { enable = true, device = "nodev" }',
    ),
    Case(
        "grub-without-device",
        f"{GRUB}boot.loader.grub.enable = true",
        f'{GRUB}boot.loader.grub.enable = true\nboot.loader.grub.device = "/dev/sda"',
        "boot.loader.grub.enable = true",
    ),
    Case(
        "removable-grub-and-variables",
        f'{GRUB}boot.loader.grub.enable = true\nboot.loader.grub.device = "nodev"\nboot.loader.grub.efiSupport = true\n'
        "boot.loader.grub.efiInstallAsRemovable = true\nboot.loader.efi.canTouchEfiVariables = true",
        f'{GRUB}boot.loader.grub.enable = true\nboot.loader.grub.device = "nodev"\nboot.loader.grub.efiSupport = true\n'
        "boot.loader.grub.efiInstallAsRemovable = true",
        "boot.loader.grub.efiInstallAsRemovable = true",
    ),
    Case(
        "removable-grub-without-efi",
        f'{GRUB}boot.loader.grub.enable = true\nboot.loader.grub.device = "nodev"\n'
        "boot.loader.grub.efiInstallAsRemovable = true",
        f'{GRUB}boot.loader.grub.enable = true\nboot.loader.grub.device = "nodev"\nboot.loader.grub.efiSupport = true\n'
        "boot.loader.grub.efiInstallAsRemovable = true",
        "boot.loader.grub.efiInstallAsRemovable = true",
    ),
    *(
        Case(
            "initrd-commands-with-systemd",
            f'boot.initrd.{name} = "true"',
            f'[pantherOS.boot.initrd]\nsystemd = false\n[nixos]\nboot.initrd.{name} = "true"',
            f'boot.initrd.{name} = "true"',
        )
        for name in ("postDeviceCommands", "network.postCommands")
    ),
    *(
        Case(
            "unlocking-not-with-systemd",
            f'boot.initrd.luks.devices.data.device = "/dev/sdb1"\nboot.initrd.luks.devices.data.{line}',
            f'[pantherOS.boot.initrd]\nsystemd = false\n[nixos]\nboot.initrd.luks.devices.data.device = "/dev/sdb1"\n'
            f"boot.initrd.luks.devices.data.{line}",
            f"boot.initrd.luks.devices.data.{line}",
        )
        for line in (
            *("fallbackToPassword = true", "preLVM = false"),
            *('preOpenCommands = "true"', 'postOpenCommands = "true"'),
        )
    ),
    Case(
        "initrd-ssh-without-host-key",
        INITRD_SSH,
        f'{INITRD_SSH}boot.initrd.network.ssh.hostKeys = ["/etc/secrets/initrd/key"]',
        "boot.initrd.network.ssh.enable = true",
    ),
    Case(
        "zfs-without-host-id",
        'boot.supportedFilesystems = ["zfs"]',
        'boot.supportedFilesystems = ["zfs"]\nnetworking.hostId = "8425e349"',
        'boot.supportedFilesystems = ["zfs"]',
    ),
    Case(
        "zfs-without-host-id",
        'fileSystems."/tank" = { device = "tank/data", fsType = "zfs" }',
        'fileSystems."/tank" = { device = "tank/data", fsType = "zfs" }\nnetworking.hostId = "8425e349"',
        'fileSystems."/tank" = { device = "tank/data", fsType = "zfs" }',
    ),
    Case(
        "zfs-without-host-id",
        "boot.supportedFilesystems.zfs = true",
        'boot.supportedFilesystems.zfs = true\nnetworking.hostId = "8425e349"',
        "boot.supportedFilesystems.zfs = true",
    ),
    Case(
        "encrypted-swap-by-uuid",
        'swapDevices = [{ device = "/dev/disk/by-uuid/1", randomEncryption.enable = true }]',
        'swapDevices = [{ device = "/dev/disk/by-partuuid/1", randomEncryption.enable = true }]',
        'swapDevices = [{ device = "/dev/disk/by-uuid/1", randomEncryption.enable = true }]',
    ),
    Case(
        "interface-name-too-long",
        "networking.interfaces.a-very-long-name.useDHCP = true",
        "networking.interfaces.a-shorter-name.useDHCP = true",
        "networking.interfaces.a-very-long-name.useDHCP = true",
    ),
    Case(
        "docker-and-podman",
        "virtualisation.docker.enable = true\nvirtualisation.podman = { enable = true, dockerCompat = true }",
        "virtualisation.docker.enable = true\nvirtualisation.podman.enable = true",
        "virtualisation.podman = { enable = true, dockerCompat = true }",
    ),
    Case(
        "docker-and-podman",
        "virtualisation.docker.enable = true\nvirtualisation.podman = { enable = true, dockerSocket.enable = true }",
        "virtualisation.podman = { enable = true, dockerSocket.enable = true }",
        "virtualisation.podman = { enable = true, dockerSocket.enable = true }",
    ),
    Case(
        "container-image-twice",
        NIX % "virtualisation.oci-containers.containers.web = {\n"
        '      image = "web";\n      imageFile = pkgs.hello;\n      imageStream = pkgs.hello;\n    };',
        NIX % 'virtualisation.oci-containers.containers.web = { image = "web"; imageFile = pkgs.hello; };',
        "imageFile = pkgs.hello;",
    ),
    Case(
        "incus-without-nftables",
        "networking.nftables.enable = false\nvirtualisation.incus.enable = true",
        "networking.nftables.enable = true\nvirtualisation.incus.enable = true",
        "virtualisation.incus.enable = true",
    ),
    Case(
        "k3s-agent-without-server",
        f'{K3S}services.k3s.tokenFile = "/var/lib/token"',
        f'{K3S}services.k3s.tokenFile = "/var/lib/token"\nservices.k3s.serverAddr = "https://10.0.0.1:6443"',
        'services.k3s.role = "agent"',
    ),
    Case(
        "k3s-agent-without-token",
        f'{K3S}services.k3s.serverAddr = "https://10.0.0.1:6443"',
        f'{K3S}services.k3s.tokenFile = "/var/lib/token"\nservices.k3s.serverAddr = "https://10.0.0.1:6443"',
        'services.k3s.role = "agent"',
    ),
    Case(
        "acme-terms-not-accepted",
        f'{NGINX}security.acme.defaults.email = "ada@example.org"\n{VHOST}.enableACME = true',
        f"{NGINX}{ACME}{VHOST}.enableACME = true",
        f"{VHOST}.enableACME = true",
    ),
    Case(
        "acme-without-e-mail",
        f"{NGINX}security.acme.acceptTerms = true\n{VHOST}.enableACME = true",
        f'{NGINX}security.acme.acceptTerms = true\nsecurity.acme.certs."example.org".email = "ada@example.org"\n'
        f"{VHOST}.enableACME = true",
        f"{VHOST}.enableACME = true",
    ),
    Case(
        "acme-terms-not-accepted",
        'security.acme.defaults.email = "ada@example.org"\nsecurity.acme.certs."example.org".webroot = "/var/lib/w"',
        f'{ACME}security.acme.certs."example.org".webroot = "/var/lib/w"',
        'security.acme.certs."example.org".webroot = "/var/lib/w"',
    ),
    Case(
        "nginx-tls-modes",
        f"{NGINX}{ACME}{VHOST}.enableACME = true\n{VHOST}.addSSL = true\n{VHOST}.forceSSL = true",
        f"{NGINX}{ACME}{VHOST}.enableACME = true\n{VHOST}.forceSSL = true",
        f"{VHOST}.addSSL = true",
    ),
    Case(
        "nginx-certificate-twice",
        f'{NGINX}{ACME}{WILDCARD}{VHOST}.enableACME = true\n{VHOST}.useACMEHost = "wild"',
        f'{NGINX}{ACME}{WILDCARD}{VHOST}.useACMEHost = "wild"',
        f"{VHOST}.enableACME = true",
    ),
    Case(
        "nginx-without-certificate",
        f"{NGINX}{VHOST}.forceSSL = true",
        f"{NGINX}{ACME}{VHOST}.forceSSL = true\n{VHOST}.enableACME = true",
        f"{VHOST}.forceSSL = true",
    ),
    Case(
        "certificate-unknown",
        f'{NGINX}{ACME}{VHOST}.forceSSL = true\n{VHOST}.useACMEHost = "wild"',
        f'{NGINX}{ACME}{WILDCARD}{VHOST}.forceSSL = true\n{VHOST}.useACMEHost = "wild"',
        f'{VHOST}.useACMEHost = "wild"',
    ),
    Case(
        "certificate-not-readable",
        f'{NGINX}{ACME}security.acme.certs.wild = {{ domain = "*.example.org", webroot = "/var/lib/w" }}\n'
        f'{VHOST}.useACMEHost = "wild"',
        f'{NGINX}{ACME}{WILDCARD}{VHOST}.useACMEHost = "wild"',
        f'{VHOST}.useACMEHost = "wild"',
    ),
    Case(
        "database-of-owner-missing",
        f"{POSTGRESQL}services.postgresql.ensureUsers = [{{ name = 'shop', ensureDBOwnership = true }}]",
        f"{POSTGRESQL}services.postgresql.ensureUsers = [{{ name = 'shop', ensureDBOwnership = true }}]\n"
        "services.postgresql.ensureDatabases = ['shop']",
        "services.postgresql.ensureUsers = [{ name = 'shop', ensureDBOwnership = true }]",
    ),
    Case(
        "ban-time-twice",
        'services.fail2ban.bantime-increment = { enable = true, formula = "ban.Time * 2", multipliers = "1 2 4" }\n'
        "services.fail2ban.enable = true",
        'services.fail2ban.bantime-increment = { enable = true, multipliers = "1 2 4" }\n'
        "services.fail2ban.enable = true",
        'services.fail2ban.bantime-increment = { enable = true, formula = "ban.Time * 2", multipliers = "1 2 4" }',
    ),
    Case(
        "nextcloud-local-database-password",
        f'{NEXTCLOUD}services.nextcloud.config = {{ adminpassFile = "/a", dbtype = "pgsql", dbpassFile = "/b" }}',
        f'{NEXTCLOUD}services.nextcloud.config = {{ adminpassFile = "/a", dbtype = "pgsql" }}',
        'services.nextcloud.config = { adminpassFile = "/a", dbtype = "pgsql", dbpassFile = "/b" }',
    ),
    Case(
        "restic-repository",
        f'{RESTIC}services.restic.backups.home.repository = "/mnt"\nservices.restic.backups.home.repositoryFile = "/r"',
        f'{RESTIC}services.restic.backups.home.repositoryFile = "/r"',
        'services.restic.backups.home.repository = "/mnt"',
    ),
    Case(
        "restic-repository",
        RESTIC,
        f'{RESTIC}services.restic.backups.home.repository = "/mnt"',
        'services.restic.backups.home.paths = ["/home"]',
    ),
    Case(
        "borg-without-passphrase",
        f'{BORG}services.borgbackup.jobs.home.paths = ["/home"]\n'
        'services.borgbackup.jobs.home.encryption.mode = "repokey"',
        f'{BORG}services.borgbackup.jobs.home.paths = ["/home"]\n'
        'services.borgbackup.jobs.home.encryption.mode = "none"',
        'services.borgbackup.jobs.home.encryption.mode = "repokey"',
    ),
    Case(
        "borg-source",
        f'{BORG}services.borgbackup.jobs.home.encryption.mode = "none"',
        f'{BORG}services.borgbackup.jobs.home.encryption.mode = "none"\n'
        'services.borgbackup.jobs.home.dumpCommand = "/bin/dump"',
        'services.borgbackup.jobs.home.repo = "/mnt/borg"',
    ),
    Case(
        "borg-source",
        f'{BORG}services.borgbackup.jobs.home.encryption.mode = "none"\n'
        'services.borgbackup.jobs.home.dumpCommand = "/bin/dump"\nservices.borgbackup.jobs.home.paths = ["/home"]',
        f'{BORG}services.borgbackup.jobs.home.encryption.mode = "none"\nservices.borgbackup.jobs.home.paths = "/home"',
        'services.borgbackup.jobs.home.paths = ["/home"]',
    ),
    Case(
        "wireguard-private-key",
        f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKey = "QL5+0x3Ul1BXv9UC2gXnuLtcC4Zi3Yg1hS0pTr0xaEE="\n'
        'networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"',
        f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"',
        'networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"',
    ),
    Case(
        "wireguard-private-key",
        WIREGUARD,
        f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"',
        'networking.wireguard.interfaces.wg0.ips = ["10.0.0.1/24"]',
    ),
    Case(
        "upgrade-from-two-places",
        'system.autoUpgrade = { enable = true, flake = "github:ada/fleet", channel = "https://example.org/c" }',
        'system.autoUpgrade = { enable = true, flake = "github:ada/fleet" }',
        'system.autoUpgrade = { enable = true, flake = "github:ada/fleet", channel = "https://example.org/c" }',
    ),
    Case(
        "conflicting-values",
        '[home.home]\nstateVersion = "24.05"',
        '[force.home.home]\nstateVersion = "24.05"',
        'stateVersion = "24.05"',
    ),
    Case(
        "conflicting-values",
        '[home.home]\nusername = "root"',
        '[home.home]\nusername = "ada"',
        'username = "root"',
    ),
    Case(
        "conflicting-values",
        '[home.home]\nhomeDirectory = "/home/bob"',
        '[home.home]\nhomeDirectory = "/home/ada"',
        'homeDirectory = "/home/bob"',
    ),
    Case(
        "two-display-managers",
        f"{X}services.xserver.displayManager.lightdm.enable = true\nservices.displayManager.sddm.enable = true",
        f"{X}services.displayManager.sddm.enable = true",
        "services.displayManager.sddm.enable = true",
    ),
    Case(
        "two-display-managers",
        f"{X}services.xserver.displayManager.gdm.enable = true\nservices.xserver.displayManager.lightdm.enable = true",
        f"{X}services.xserver.displayManager.gdm.enable = true",
        "services.xserver.displayManager.gdm.enable = true",
    ),
    Case(
        "two-display-managers",
        f"{X}services.xserver.displayManager.gdm.enable = true\nservices.displayManager.sddm.enable = true",
        f"{X}services.xserver.displayManager.gdm.enable = true",
        "services.xserver.displayManager.gdm.enable = true",
    ),
    Case(
        "two-display-managers",
        f"{X}services.displayManager.ly.enable = true\nservices.displayManager.sddm.enable = true",
        f"{X}services.displayManager.ly.enable = true",
        "services.displayManager.sddm.enable = true",
    ),
    Case(
        "auto-login-with-ly",
        f"{X}{AUTO}services.displayManager.ly.enable = true",
        f"{X}services.displayManager.ly.enable = true",
        AUTO,
    ),
    Case(
        "auto-login-without-session",
        f"{X}{AUTO}services.xserver.displayManager.lightdm.enable = true",
        f"{X}{AUTO}services.xserver.displayManager.lightdm.enable = true\n"
        "services.xserver.windowManager.i3.enable = true",
        AUTO,
    ),
    Case(
        "auto-login-without-session",
        f"{AUTO}services.displayManager.sddm = {{ enable = true, wayland.enable = true }}",
        f"{AUTO}services.displayManager.sddm = {{ enable = true, wayland.enable = true }}\nprograms.sway.enable = true",
        AUTO,
    ),
    Case(
        "two-touchpad-drivers",
        f"{X}services.libinput.enable = true\nservices.xserver.synaptics.enable = true",
        f"{X}services.libinput.enable = false\nservices.xserver.synaptics.enable = true",
        "services.xserver.synaptics.enable = true",
    ),
    Case(
        "two-touchpad-drivers",
        f"{X}services.xserver.synaptics.enable = true",
        f"{X}services.libinput.enable = false\nservices.xserver.synaptics.enable = true",
        "services.xserver.synaptics.enable = true",
    ),
    Case(
        "cursor-without-resolution",
        f"{X}services.xserver.upscaleDefaultCursor = true",
        f"{X}services.xserver.upscaleDefaultCursor = true\nservices.xserver.dpi = 180",
        "services.xserver.upscaleDefaultCursor = true",
    ),
    Case(
        "primary-screen",
        "[nixos.services.xserver]\nenable = true\n[[nixos.services.xserver.xrandrHeads]]\n"
        'output = "DP-1"\nprimary = true\n[[nixos.services.xserver.xrandrHeads]]\noutput = "DP-2"\n'
        "primary = true # here",
        "[nixos.services.xserver]\nenable = true\n[[nixos.services.xserver.xrandrHeads]]\n"
        'output = "DP-1"\nprimary = true\n[[nixos.services.xserver.xrandrHeads]]\noutput = "DP-2"',
        "primary = true # here",
    ),
    Case(
        "disk-power-twice",
        'services.tlp.enable = true\npowerManagement.scsiLinkPolicy = "min_power"',
        'services.tlp = { enable = true, settings.SATA_LINKPWR_ON_AC = "min_power" }',
        'powerManagement.scsiLinkPolicy = "min_power"',
    ),
    Case(
        "name-service-modules-without-nscd",
        "services.nscd.enable = false",
        "[nixos]\nservices.nscd.enable = false\n[force.nixos]\nsystem.nssModules = []",
        "services.nscd.enable = false",
    ),
    Case(
        "localhost-elsewhere",
        'networking.hosts."10.0.0.1" = ["localhost"]',
        'networking.hosts."127.0.0.1" = ["localhost", "box.example.org"]',
        'networking.hosts."10.0.0.1" = ["localhost"]',
    ),
    Case(
        "old-network-target",
        'systemd.services.job = { script = "true", after = ["network-interfaces.target"] }',
        'systemd.services.job = { script = "true", after = ["network.target"] }',
        'systemd.services.job = { script = "true", after = ["network-interfaces.target"] }',
    ),
    Case(
        "ping-limit-of-iptables",
        'networking.nftables.enable = true\nnetworking.firewall.pingLimit = "--limit 1/minute"',
        'networking.nftables.enable = true\nnetworking.firewall.pingLimit = "2/second"',
        'networking.firewall.pingLimit = "--limit 1/minute"',
    ),
    Case(
        "connection-helpers-gone",
        "networking.firewall.autoLoadConntrackHelpers = true",
        "networking.firewall.autoLoadConntrackHelpers = false",
        "networking.firewall.autoLoadConntrackHelpers = true",
    ),
    Case(
        "nat-of-ipv6-without-ipv6",
        "networking.enableIPv6 = false\nnetworking.nat = { enable = true, enableIPv6 = true }",
        "networking.nat = { enable = true, enableIPv6 = true }",
        "networking.enableIPv6 = false",
    ),
    Case(
        "spanning-tree-with-networkd",
        'networking.useNetworkd = true\nnetworking.bridges.br0 = { interfaces = ["eth0"], rstp = true }',
        'networking.useNetworkd = true\nnetworking.bridges.br0 = { interfaces = ["eth0"] }',
        'networking.bridges.br0 = { interfaces = ["eth0"], rstp = true }',
    ),
    Case(
        "address-of-bridged",
        'networking.bridges.br0.interfaces = ["eth0"]\n'
        'networking.interfaces.eth0.ipv4.addresses = [{ address = "10.0.0.1", prefixLength = 24 }]',
        'networking.bridges.br0.interfaces = ["eth0"]\n'
        'networking.interfaces.br0.ipv4.addresses = [{ address = "10.0.0.1", prefixLength = 24 }]',
        'networking.interfaces.eth0.ipv4.addresses = [{ address = "10.0.0.1", prefixLength = 24 }]',
    ),
    Case(
        "address-of-bridged",
        'networking.bonds.bond0.interfaces = ["eth0"]\n'
        'networking.interfaces.eth0.ipv6.addresses = [{ address = "fd00::1", prefixLength = 64 }]',
        'networking.bonds.bond0.interfaces = ["eth0"]\n'
        'networking.interfaces.bond0.ipv6.addresses = [{ address = "fd00::1", prefixLength = 64 }]',
        'networking.interfaces.eth0.ipv6.addresses = [{ address = "fd00::1", prefixLength = 64 }]',
    ),
    Case(
        "prime-modes",
        f"{NVIDIA}hardware.nvidia.prime.offload.enableOffloadCmd = true",
        f"{NVIDIA}{IDS}hardware.nvidia.prime.offload = {{ enable = true, enableOffloadCmd = true }}",
        "hardware.nvidia.prime.offload.enableOffloadCmd = true",
    ),
    Case(
        "two-default-editors",
        "programs.vim = { enable = true, defaultEditor = true }\n"
        "programs.neovim = { enable = true, defaultEditor = true }",
        "programs.vim.enable = true\nprograms.neovim = { enable = true, defaultEditor = true }",
        "programs.vim = { enable = true, defaultEditor = true }",
    ),
    Case(
        "two-default-editors",
        "services.emacs = { enable = true, defaultEditor = true }\n"
        "programs.neovim = { enable = true, defaultEditor = true }",
        "services.emacs.enable = true\nprograms.neovim = { enable = true, defaultEditor = true }",
        "programs.neovim = { enable = true, defaultEditor = true }",
    ),
    Case(
        "two-default-editors",
        "[home.programs]\nhelix = { enable = true, defaultEditor = true }\n"
        "neovim = { enable = true, defaultEditor = true }",
        "[home.programs]\nhelix.enable = true\nneovim = { enable = true, defaultEditor = true }",
        "helix = { enable = true, defaultEditor = true }",
    ),
    Case(
        "two-default-editors",
        "[home]\nservices.emacs = { enable = true, defaultEditor = true }\n"
        "programs.emacs.enable = true\nprograms.kakoune = { enable = true, defaultEditor = true }",
        "[home]\nservices.emacs = { enable = true }\nprograms.emacs.enable = true\n"
        "programs.kakoune = { enable = true, defaultEditor = true }",
        "programs.kakoune = { enable = true, defaultEditor = true }",
    ),
    Case(
        "two-finders-of-commands",
        "programs.nix-index.enable = true",
        "programs.nix-index.enable = true\nprograms.command-not-found.enable = false",
        "programs.nix-index.enable = true",
    ),
    Case(
        "two-finders-of-commands",
        "[home.programs]\nnix-index.enable = true\ncommand-not-found.enable = true",
        "[home.programs]\n"
        "nix-index = { enable = true, enableBashIntegration = false, enableZshIntegration = false }\n"
        "command-not-found.enable = true",
        "nix-index.enable = true",
    ),
    Case(
        "cleaning-without-nh",
        "programs.nh.clean.enable = true",
        "programs.nh.enable = true",
        "programs.nh.clean.enable = true",
    ),
    Case(
        "flake-is-a-file",
        'programs.nh = { enable = true, flake = "/etc/nixos/flake.nix" }',
        'programs.nh = { enable = true, flake = "/etc/nixos" }',
        'programs.nh = { enable = true, flake = "/etc/nixos/flake.nix" }',
    ),
    Case(
        "flake-is-a-file",
        '[home.programs.nh]\nenable = true\nflake = "/etc/nixos/flake.nix"',
        '[home.programs.nh]\nenable = true\nflake = "/etc/nixos"',
        'flake = "/etc/nixos/flake.nix"',
    ),
    Case(
        "screen-not-enabled",
        'programs.screen.screenrc = "startup_message off"',
        'programs.screen = { enable = true, screenrc = "startup_message off" }',
        'programs.screen.screenrc = "startup_message off"',
    ),
    Case(
        "length-of-proxy-chain",
        f"{PROXY}programs.proxychains.chain.length = 2",
        PROXY,
        "programs.proxychains.chain.length = 2",
    ),
    Case(
        "qt-style-for-gnome",
        'qt = { enable = true, platformTheme = "gnome", style = "kvantum" }',
        'qt = { enable = true, platformTheme = "gnome", style = "adwaita" }',
        'qt = { enable = true, platformTheme = "gnome", style = "kvantum" }',
    ),
    Case(
        "qt-style-for-gnome",
        'qt = { enable = true, platformTheme = "gnome" }',
        'qt = { enable = true, platformTheme = "gnome", style = "breeze" }',
        'qt = { enable = true, platformTheme = "gnome" }',
    ),
    Case(
        "qt-style-for-gnome",
        '[home.qt]\nenable = true\nplatformTheme.name = "gnome"',
        '[home.qt]\nenable = true\nplatformTheme.name = "gnome"\nstyle.name = "adwaita"',
        'platformTheme.name = "gnome"',
    ),
    Case(
        "file-target-twice",
        '[home.home.file]\na = { target = ".same", text = "x" }\nb = { target = ".same", text = "y" }',
        '[home.home.file]\na = { target = ".same", text = "x" }\nb = { target = ".other", text = "y" }',
        'a = { target = ".same", text = "x" }',
    ),
    Case(
        "file-target-twice",
        '[home]\nhome.file.".config/foo/a".text = "x"\nxdg.configFile."foo/a".text = "y"',
        '[home]\nhome.file.".config/foo/a" = { text = "x", enable = false }\nxdg.configFile."foo/a".text = "y"',
        'home.file.".config/foo/a".text = "x"',
    ),
    Case(
        "profile-number-twice",
        f"{FIREFOX}profiles.a = {{ id = 0, isDefault = true }}\nprofiles.b = {{ id = 0, isDefault = false }}",
        f"{FIREFOX}profiles.a = {{ id = 0, isDefault = true }}\nprofiles.b = {{ id = 1, isDefault = false }}",
        "profiles.b = { id = 0, isDefault = false }",
    ),
    Case(
        "default-profile",
        f"{FIREFOX}profiles.a = {{ id = 0 }}\nprofiles.b = {{ id = 1, isDefault = true }}",
        f"{FIREFOX}profiles.a = {{ id = 0 }}\nprofiles.b = {{ id = 1 }}",
        "profiles.b = { id = 1, isDefault = true }",
    ),
    Case(
        "default-profile",
        "[home.programs.thunderbird]\nenable = true\nprofiles.a = {}",
        "[home.programs.thunderbird]\nenable = true\nprofiles.a.isDefault = true",
        "profiles.a = {}",
    ),
    Case(
        "two-secret-services",
        "[home.services]\ngnome-keyring.enable = true\npass-secret-service.enable = true",
        "[home.services]\ngnome-keyring.enable = true",
        "pass-secret-service.enable = true",
    ),
    Case(
        "portal-without-implementation",
        "[home.xdg.portal]\nenable = true",
        '{ pkgs, ... }:\n{\n  kind = "server";\n  people = [ "ada" ];\n  home.xdg.portal = {\n'
        "    enable = true;\n    extraPortals = [ pkgs.xdg-desktop-portal-gtk ];\n"
        '    config.common.default = "*";\n  };\n}\n',
        "enable = true",
    ),
    Case(
        "primary-account",
        '[home.accounts.email.accounts]\na = { address = "a@example.org", realName = "A" }\n'
        'b = { address = "b@example.org", realName = "B" }',
        "[home.accounts.email.accounts]\n"
        'a = { address = "a@example.org", realName = "A", primary = true }\n'
        'b = { address = "b@example.org", realName = "B" }',
        'b = { address = "b@example.org", realName = "B" }',
    ),
    Case(
        "primary-account",
        "[home.accounts.calendar.accounts]\na.primary = true\nb.primary = true",
        "[home.accounts.calendar.accounts]\na.primary = true\nb.primary = false",
        "b.primary = true",
    ),
    Case(
        "place-or-times-of-sun",
        '[home.services.wlsunset]\nenable = true\nlatitude = "52.5"',
        '[home.services.wlsunset]\nenable = true\nlatitude = "52.5"\nlongitude = "13.4"',
        'latitude = "52.5"',
    ),
    Case(
        "place-or-times-of-sun",
        "[home.services.wlsunset]\nenable = true",
        '[home.services.wlsunset]\nenable = true\nsunrise = "06:30"\nsunset = "18:00"',
        "enable = true",
    ),
    Case(
        "place-or-times-of-sun",
        '[home.services.wlsunset]\nenable = true\nlatitude = "52.5"\nlongitude = "13.4"\n'
        'sunset = "18:00"\nsunrise = "06:30"',
        '[home.services.wlsunset]\nenable = true\nlatitude = "52.5"\nlongitude = "13.4"',
        'sunset = "18:00"',
    ),
    Case(
        "place-or-times-of-sun",
        "[home.services.gammastep]\nenable = true",
        '[home.services.gammastep]\nenable = true\nprovider = "geoclue2"',
        "enable = true",
    ),
    Case(
        "place-or-times-of-sun",
        "[home.services.redshift]\nenable = true",
        '[home.services.redshift]\nenable = true\nlatitude = "52.5"\nlongitude = "13.4"',
        "enable = true",
    ),
    Case(
        "two-diff-tools",
        "[home.programs.git]\nenable = true\ndelta.enable = true\ndifftastic.enable = true",
        "[home.programs.git]\nenable = true\ndifftastic.enable = true",
        "delta.enable = true",
    ),
    Case(
        "notmuch-without-account",
        "[home.programs.notmuch]\nenable = true",
        "[home.programs.notmuch]\nenable = true\n[home.accounts.email.accounts.a]\n"
        'address = "a@example.org"\nrealName = "A"\nprimary = true\nnotmuch.enable = true',
        "enable = true",
    ),
    Case(
        "borgmatic-source",
        '[home.programs.borgmatic]\nenable = true\nbackups.a.location.repositories = ["/b"]',
        "[home.programs.borgmatic]\nenable = true\n"
        'backups.a.location = { repositories = ["/b"], sourceDirectories = ["/home/ada"] }',
        'backups.a.location.repositories = ["/b"]',
    ),
    Case(
        "borgmatic-source",
        '[home.programs.borgmatic.backups.a.location]\nrepositories = ["/b"]\n'
        'sourceDirectories = ["/home/ada"]\npatterns = ["R /home"]\n[home.programs.borgmatic]\n'
        "enable = true",
        '[home.programs.borgmatic.backups.a.location]\nrepositories = ["/b"]\n'
        'patterns = ["R /home"]\n[home.programs.borgmatic]\nenable = true',
        'sourceDirectories = ["/home/ada"]',
    ),
    Case(
        "boot-partitions-in-one-place",
        'boot.loader.systemd-boot.xbootldrMountPoint = "/boot"',
        '[force.nixos.boot.loader]\nsystemd-boot.xbootldrMountPoint = "/boot"\nefi.efiSysMountPoint = "/efi"\n',
        'boot.loader.systemd-boot.xbootldrMountPoint = "/boot"',
    ),
    Case(
        "path-not-absolute",
        '[force.nixos]\nboot.loader.efi.efiSysMountPoint = "boot"',
        '[force.nixos]\nboot.loader.efi.efiSysMountPoint = "/boot"',
        'boot.loader.efi.efiSysMountPoint = "boot"',
    ),
    Case(
        "path-not-absolute",
        'boot.loader.systemd-boot.xbootldrMountPoint = "xboot"',
        'boot.loader.systemd-boot.xbootldrMountPoint = "/xboot"',
        'boot.loader.systemd-boot.xbootldrMountPoint = "xboot"',
    ),
    Case(
        "path-not-absolute",
        'boot.resumeDevice = "sda2"',
        'boot.resumeDevice = "/dev/disk/by-label/swap"',
        'boot.resumeDevice = "sda2"',
    ),
    Case(
        "path-not-absolute",
        f'{GRUB}boot.loader.grub = {{ enable = true, device = "sda" }}',
        f'{GRUB}boot.loader.grub = {{ enable = true, device = "/dev/disk/by-id/ata-x" }}',
        'boot.loader.grub = { enable = true, device = "sda" }',
    ),
    Case(
        "path-not-absolute",
        f'{GRUB}boot.loader.grub = {{ enable = true, devices = ["sda"] }}',
        f'{GRUB}boot.loader.grub = {{ enable = true, devices = ["/dev/disk/by-id/ata-x"] }}',
        'boot.loader.grub = { enable = true, devices = ["sda"] }',
    ),
    Case(
        "grub-device-twice",
        f'{GRUB}boot.loader.grub = {{ enable = true, devices = ["/dev/disk/by-id/ata-x", "/dev/disk/by-id/ata-x"] }}',
        f'{GRUB}boot.loader.grub = {{ enable = true, devices = ["/dev/disk/by-id/ata-x", "/dev/disk/by-id/ata-y"] }}',
        'boot.loader.grub = { enable = true, devices = ["/dev/disk/by-id/ata-x", "/dev/disk/by-id/ata-x"] }',
    ),
    Case(
        "boot-entry-name",
        'boot.loader.systemd-boot.extraEntries.windows = "title Windows"',
        'boot.loader.systemd-boot.extraEntries."windows.conf" = "title Windows"',
        'boot.loader.systemd-boot.extraEntries.windows = "title Windows"',
    ),
    Case(
        "boot-file-outside",
        'boot.loader.systemd-boot.extraFiles."/shell.efi" = "/etc/shell.efi"',
        'boot.loader.systemd-boot.extraFiles."shell.efi" = "/etc/shell.efi"',
        'boot.loader.systemd-boot.extraFiles."/shell.efi" = "/etc/shell.efi"',
    ),
    Case(
        "partition-grown-twice",
        "boot.growPartition = true\nboot.initrd.systemd.repart.enable = true",
        "boot.initrd.systemd.repart.enable = true",
        "boot.growPartition = true",
    ),
    Case(
        "keyboard-on-splash",
        "boot.plymouth.enable = true\nboot.initrd.unl0kr.enable = true",
        "boot.initrd.unl0kr.enable = true",
        "boot.plymouth.enable = true",
    ),
    Case(
        "cannot-be-grown",
        'fileSystems."/data" = { device = "/dev/mapper/data", fsType = "ntfs3", autoResize = true }',
        'fileSystems."/data" = { device = "/dev/mapper/data", fsType = "ext4", autoResize = true }',
        'fileSystems."/data" = { device = "/dev/mapper/data", fsType = "ntfs3", autoResize = true }',
    ),
    Case(
        "encrypted-without-label",
        f'{DATA}fileSystems."/data".encrypted = {{ enable = true, blkDev = "/dev/disk/by-label/d" }}',
        f'{DATA}fileSystems."/data".encrypted = {{ enable = true, blkDev = "/dev/disk/by-label/d", label = "data" }}',
        'fileSystems."/data".encrypted = { enable = true, blkDev = "/dev/disk/by-label/d" }',
    ),
    Case(
        "nothing-to-scrub",
        '[pantherOS.filesystems.disks]\nfilesystem = "ext4"\n[nixos]\nservices.btrfs.autoScrub.enable = true',
        '[pantherOS.filesystems.disks]\nfilesystem = "btrfs"\n[nixos]\nservices.btrfs.autoScrub.enable = true',
        "services.btrfs.autoScrub.enable = true",
    ),
    Case(
        "encrypted-swap-by-uuid",
        '[[nixos.swapDevices]]\ndevice = "/dev/disk/by-label/swap"\nrandomEncryption.enable = true',
        '[[nixos.swapDevices]]\ndevice = "/dev/disk/by-partuuid/5c9e1f04-02"\nrandomEncryption.enable = true',
        'device = "/dev/disk/by-label/swap"',
    ),
    Case(
        "wireguard-private-key",
        f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKey = "QL5+0x3Ul1BXv9UC2gXnuLtcC4Zi3Yg1hS0pTr0xaEE="\n'
        "networking.wireguard.interfaces.wg0.generatePrivateKeyFile = true",
        f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"\n'
        "networking.wireguard.interfaces.wg0.generatePrivateKeyFile = true",
        "networking.wireguard.interfaces.wg0.generatePrivateKeyFile = true",
    ),
    Case(
        "wireguard-shared-key",
        f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"\n'
        f'networking.wireguard.interfaces.wg0.peers = [{PEER}presharedKey = "x", presharedKeyFile = "/var/lib/psk" }}]',
        f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"\n'
        f'networking.wireguard.interfaces.wg0.peers = [{PEER}presharedKeyFile = "/var/lib/psk" }}]',
        f'networking.wireguard.interfaces.wg0.peers = [{PEER}presharedKey = "x", presharedKeyFile = "/var/lib/psk" }}]',
    ),
    Case(
        "nginx-root-and-alias",
        f'{NGINX}{VHOST}.locations."/" = {{ root = "/srv/a", alias = "/srv/b/" }}',
        f'{NGINX}{VHOST}.locations."/" = {{ root = "/srv/a" }}',
        f'{VHOST}.locations."/" = {{ root = "/srv/a", alias = "/srv/b/" }}',
    ),
    Case(
        "nginx-without-quic",
        f"{NGINX}{VHOST}.quic = true",
        '{ pkgs, ... }:\n{\n  kind = "server";\n  people = [ "ada" ];\n  nixos.services.nginx = {\n'
        "    enable = true;\n    package = pkgs.nginxQuic;\n"
        '    virtualHosts."example.org".quic = true;\n  };\n}\n',
        f"{VHOST}.quic = true",
    ),
    Case(
        "nginx-resolver",
        f'{NGINX}services.nginx.resolver = {{ addresses = ["1.1.1.1"], ipv4 = false, ipv6 = false }}',
        f'{NGINX}services.nginx.resolver = {{ addresses = ["1.1.1.1"], ipv6 = false }}',
        'services.nginx.resolver = { addresses = ["1.1.1.1"], ipv4 = false, ipv6 = false }',
    ),
    Case(
        "httpd-tls-modes",
        f"{HTTPD}services.httpd.virtualHosts.box.forceSSL = true\nservices.httpd.virtualHosts.box.addSSL = true",
        f"{HTTPD}services.httpd.virtualHosts.box.forceSSL = true",
        "services.httpd.virtualHosts.box.addSSL = true",
    ),
    Case(
        "caddy-adapter",
        'services.caddy = { enable = true, adapter = "json" }',
        'services.caddy = { enable = true, adapter = "json", configFile = "/etc/caddy.json" }',
        'services.caddy = { enable = true, adapter = "json" }',
    ),
    Case(
        "redis-password-twice",
        'services.redis.servers.a = { enable = true, requirePass = "a", requirePassFile = "/var/lib/p" }',
        'services.redis.servers.a = { enable = true, requirePassFile = "/var/lib/p" }',
        'services.redis.servers.a = { enable = true, requirePass = "a", requirePassFile = "/var/lib/p" }',
    ),
    Case(
        "mongodb-without-password",
        f"{FREE}services.mongodb = {{ enable = true, enableAuth = true }}",
        f'{FREE}services.mongodb = {{ enable = true, enableAuth = true, initialRootPassword = "x" }}',
        "services.mongodb = { enable = true, enableAuth = true }",
    ),
    Case(
        "cockroachdb-without-certificates",
        f"{FREE}services.cockroachdb.enable = true",
        f"{FREE}services.cockroachdb = {{ enable = true, insecure = true }}",
        "services.cockroachdb.enable = true",
    ),
    Case(
        "influxdb-path",
        'services.influxdb2 = { enable = true, settings.bolt-path = "/srv/x" }',
        'services.influxdb2 = { enable = true, settings.log-level = "debug" }',
        'services.influxdb2 = { enable = true, settings.bolt-path = "/srv/x" }',
    ),
    Case(
        "miniflux-without-admin",
        "services.miniflux.enable = true",
        "services.miniflux = { enable = true, config.CREATE_ADMIN = 0 }",
        "services.miniflux.enable = true",
    ),
    Case(
        "vaultwarden-backup",
        'services.vaultwarden = { enable = true, dbBackend = "postgresql", backupDir = "/srv/b" }',
        'services.vaultwarden = { enable = true, backupDir = "/srv/b" }',
        'services.vaultwarden = { enable = true, dbBackend = "postgresql", backupDir = "/srv/b" }',
    ),
    Case(
        "adguard-address",
        "services.adguardhome = { enable = true, settings.bind_port = 3000 }",
        "services.adguardhome = { enable = true, port = 3001 }",
        "services.adguardhome = { enable = true, settings.bind_port = 3000 }",
    ),
    Case(
        "adguard-without-bootstrap",
        "services.adguardhome = { enable = true, mutableSettings = false, settings.dns.port = 53 }",
        'services.adguardhome = { enable = true, mutableSettings = false, settings.dns.bootstrap_dns = ["1.1.1.1"] }',
        "services.adguardhome = { enable = true, mutableSettings = false, settings.dns.port = 53 }",
    ),
    Case(
        "headscale-base-domain",
        "services.headscale.enable = true",
        "services.headscale = { enable = true, settings.dns.magic_dns = false }",
        "services.headscale.enable = true",
    ),
    Case(
        "headscale-base-domain",
        "services.headscale.enable = true\n"
        'services.headscale.settings.server_url = "https://head.example.org"\n'
        'services.headscale.settings.dns.base_domain = "example.org"',
        "services.headscale.enable = true\n"
        'services.headscale.settings.server_url = "https://head.example.org"\n'
        'services.headscale.settings.dns.base_domain = "net.example.org"',
        'services.headscale.settings.dns.base_domain = "example.org"',
    ),
    Case(
        "mosquitto-password-twice",
        "[nixos.services.mosquitto]\nenable = true\n[[nixos.services.mosquitto.listeners]]\n"
        'users.ada = { password = "x", passwordFile = "/var/lib/p" }',
        "[nixos.services.mosquitto]\nenable = true\n[[nixos.services.mosquitto.listeners]]\n"
        'users.ada = { passwordFile = "/var/lib/p" }',
        'users.ada = { password = "x", passwordFile = "/var/lib/p" }',
    ),
    Case(
        "headscale-setting-gone",
        'services.headscale = { enable = true, settings.dns.magic_dns = false, settings.acl_policy_path = "/etc/acl" }',
        'services.headscale = { enable = true, settings.dns.magic_dns = false, settings.policy.path = "/etc/acl" }',
        'services.headscale = { enable = true, settings.dns.magic_dns = false, settings.acl_policy_path = "/etc/acl" }',
    ),
    Case(
        "minecraft-terms-not-accepted",
        f"{FREE}services.minecraft-server.enable = true",
        f"{FREE}services.minecraft-server.enable = true\nservices.minecraft-server.eula = true",
        "services.minecraft-server.enable = true",
    ),
    Case(
        "file-of-a-service",
        'services.openssh.enable = true\nenvironment.etc."ssh/sshd_config".text = "Port 2222"',
        "services.openssh = { enable = true, ports = [2222] }",
        'environment.etc."ssh/sshd_config".text = "Port 2222"',
    ),
    Case(
        "file-of-a-service",
        'services.resolved.enable = true\nenvironment.etc."resolv.conf".source = "/var/lib/resolv.conf"',
        "[nixos]\nservices.resolved.enable = true\n[force.nixos.environment]\n"
        'etc."resolv.conf".source = "/var/lib/resolv.conf"',
        'environment.etc."resolv.conf".source = "/var/lib/resolv.conf"',
    ),
    Case(
        "file-of-a-service",
        'environment.etc.hosts.text = "127.0.0.1 box"',
        '[force.nixos.environment]\netc.hosts.text = "127.0.0.1 box"',
        'environment.etc.hosts.text = "127.0.0.1 box"',
    ),
    Case(
        "file-of-a-service",
        'environment.etc."nix/nix.conf".text = "cores = 2"',
        "nix.settings.cores = 2",
        'environment.etc."nix/nix.conf".text = "cores = 2"',
    ),
    Case(
        "conflicting-values",
        '[pantherOS.development.git]\nenable = true\n[home.programs.git]\nuserEmail = "ada@example.com"',
        '[pantherOS.development.git]\nenable = true\nuser.email = "ada@example.com"',
        'userEmail = "ada@example.com"',
    ),
]


def host_file(text: str) -> tuple[str, str]:
    """Name and text of a host's file that says this."""
    if text.startswith("{"):
        return "host.nix", text
    head = 'kind = "server"\npeople = ["ada"]\n'
    return "host.toml", f"{head}{text}\n" if text.startswith("[") else f"{head}[nixos]\n{text}\n"


def write_fleet(root: Path, hosts: dict[str, str], release: str = "24.11", more: dict[str, str] | None = None) -> None:
    """A fleet of hosts that say these texts."""
    files = {"fleet.toml": FLEET.format(release=release), **(more or {})}
    for name, text in hosts.items():
        file, whole = host_file(text)
        files[f"hosts/{name}/{file}"] = whole
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def found(root: Path, text: str, release: str = "24.11", more: dict[str, str] | None = None) -> list[Finding]:
    """The errors of a host that says this."""
    write_fleet(root, {"box": text}, release, more)
    return [finding for finding in check(root).findings if finding.severity == "error"]


def line_of(finding: Finding, root: Path) -> str:
    assert finding.origin is not None
    return (root / finding.origin.file).read_text(encoding="utf-8").splitlines()[finding.origin.line - 1].strip()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_it_is_found_and_the_right_one_is_not(case: Case, tmp_path: Path) -> None:
    (finding,) = found(tmp_path / "wrong", case.wrong)
    assert finding.code == case.code
    assert line_of(finding, tmp_path / "wrong") == case.fault.strip()
    assert finding.message and finding.help and "{name}" not in finding.message + finding.help
    assert not found(tmp_path / "right", case.right)


def test_every_rule_has_its_case() -> None:
    codes = {rule.wrong.code for rules in RULES.values() for rule in rules}
    assert codes <= {case.code for case in CASES}
    assert all(
        (function.__doc__ or "").startswith("`") for functions in FUNCTIONS.values() for function in functions
    ), "each names its source"


def test_the_hosts_own_file_is_at_fault_and_the_profile_is_told_of(tmp_path: Path) -> None:
    fleet = FLEET.format(release="24.11") + "\n[profiles.laptop.nixos]\nservices.tlp.enable = true\n"
    text = 'kind = "server"\nprofiles = ["laptop"]\n[nixos]\nservices.power-profiles-daemon.enable = true'
    write_fleet(tmp_path, {}, more={"fleet.toml": fleet, "hosts/box/host.toml": text})
    (finding,) = [finding for finding in check(tmp_path).findings if finding.severity == "error"]
    assert line_of(finding, tmp_path) == "services.power-profiles-daemon.enable = true"
    (related,) = finding.related
    assert related.origin.file == "fleet.toml"
    assert fleet.splitlines()[related.origin.line - 1] == "services.tlp.enable = true"


@pytest.mark.parametrize(
    "module",
    [
        "{ lib, ... }: { services.tlp.enable = lib.mkForce false; }",
        "{ lib, ... }: { services.power-profiles-daemon = { enable = lib.mkForce false; }; }",
    ],
)
def test_what_a_raw_module_may_mend_is_not_verified(module: str, tmp_path: Path) -> None:
    text = "services.tlp.enable = true\nservices.power-profiles-daemon.enable = true\n"
    whole = f'kind = "server"\npeople = ["ada"]\nimports = ["./power.nix"]\n[nixos]\n{text}'
    write_fleet(tmp_path, {}, more={"hosts/box/host.toml": whole, "hosts/box/power.nix": module})
    checked = check(tmp_path)
    assert not [finding for finding in checked.findings if finding.severity == "error"]
    assert any("power.nix" in note.why for note in checked.not_verified)


def test_what_the_system_may_say_of_homes_is_not_verified(tmp_path: Path) -> None:
    portal = 'kind = "server"\npeople = ["ada"]\n[home.xdg.portal]\nenable = true\n'
    module = "{ pkgs, ... }: { home-manager.users.ada.xdg.portal.extraPortals = [ pkgs.xdg-desktop-portal-gtk ]; }"
    for host, more in (("raw", 'imports = ["./portal.nix"]\n'), ("shared", "")):
        text = (
            more
            + portal
            + ("" if more else '[nixos.home-manager]\nsharedModules = [{ xdg.portal.extraPortals = ["x"] }]\n')
        )
        write_fleet(tmp_path, {}, more={f"hosts/{host}/host.toml": text, "hosts/raw/portal.nix": module})
    checked = check(tmp_path)
    assert not [finding for finding in checked.findings if finding.severity == "error"]
    assert {note.host for note in checked.not_verified if "portal" in note.what} == {"raw", "shared"}


def test_what_is_said_to_all_people_of_a_host_is_told_once(tmp_path: Path) -> None:
    fleet = FLEET.format(release="24.11") + '\n[people.bob]\nname = "Bob Example"\n'
    text = 'kind = "server"\npeople = ["ada", "bob"]\n[home.programs.thunderbird]\nenable = true\nprofiles.a = {}\n'
    write_fleet(tmp_path, {}, more={"fleet.toml": fleet, "hosts/box/host.toml": text})
    assert [f.code for f in check(tmp_path).findings if f.severity == "error"] == ["default-profile"]


@pytest.mark.parametrize(
    "text",
    [
        'services.nginx.enable = true\nusers.users.nginx.extraGroups = ["acme"]',
        "services.nginx.enable = true\nusers.users.nginx.isSystemUser = true",
        'services.postgresql.enable = true\nusers.users.postgres.hashedPassword = "!"',
        'services.syncthing = { enable = true, user = "sync" }\nusers.users.sync.isSystemUser = true\n'
        'users.users.sync.group = "sync"',
        'users.users.root.hashedPassword = "!"',
    ],
)
def test_accounts_that_nixos_makes_itself_are_left_alone(text: str, tmp_path: Path) -> None:
    codes = {finding.code for finding in found(tmp_path, text)}
    assert not codes & {"user-of-no-kind", "user-without-group", "group-missing"}


@pytest.mark.parametrize(
    "text",
    [
        f"{NVIDIA}{IDS}hardware.nvidia.powerManagement.finegrained = true\n"
        "hardware.nvidia.prime.reverseSync.enable = true",
        "services.xserver.displayManager.gdm.enable = true\nservices.displayManager.autoLogin.enable = true",
        f'{NGINX}{ACME}security.acme.certs.wild = {{ domain = "*.example.org", webroot = "/w" }}\n'
        f'{VHOST}.useACMEHost = "wild"\nusers.users.nginx.extraGroups = ["acme"]',
        f"{NGINX}{ACME}{VHOST}.enableACME = true\n{VHOST}.forceSSL = true\n"
        'services.nginx.virtualHosts."www.example.org" = { useACMEHost = "example.org", forceSSL = true }',
        "services.xserver.enable = true\nservices.pipewire.enable = false\nhardware.pulseaudio.enable = true",
    ],
)
def test_what_nixos_takes_is_left_alone(text: str, tmp_path: Path) -> None:
    assert not found(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("networking.networkmanager.enable = true\nnetworking.wireless.enable = true", "26.05"),
        (K3S, "25.11"),
        ("boot.plymouth.enable = true\nboot.initrd.unl0kr.enable = true", "25.11"),
        ('networking.firewall.backend = "firewalld"\nvirtualisation.incus.enable = true', "25.11"),
    ],
)
def test_later_releases_that_do_not_refuse_it(text: str, release: str, tmp_path: Path) -> None:
    assert not found(tmp_path, text, release)


def test_pulseaudio_by_its_later_name(tmp_path: Path) -> None:
    text = "services.pipewire = { enable = true, pulse.enable = true }\nservices.pulseaudio.enable = true"
    assert [finding.code for finding in found(tmp_path, text, "26.05")] == ["two-sound-servers"]


def test_grub_on_a_disk_that_disko_prepares(tmp_path: Path) -> None:
    assert not found(tmp_path, '[pantherOS.filesystems.disks]\nfirmware = "bios"\n')


def test_grub_on_a_disk_of_a_raw_module(tmp_path: Path) -> None:
    text = f'kind = "server"\nimports = ["./disks.nix"]\n{GRUB}boot.loader.grub.enable = true'
    module = '{ disko.devices.disk.main.content.partitions.boot.type = "EF02"; }'
    write_fleet(tmp_path, {}, more={"hosts/box/host.toml": text, "hosts/box/disks.nix": module})
    checked = check(tmp_path)
    assert "grub-without-device" not in {finding.code for finding in checked.findings}
    assert any("disks.nix" in note.why for note in checked.not_verified)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    text = f'{WIREGUARD}networking.wireguard.interfaces.wg0.privateKey = "x"\n'
    text += 'networking.wireguard.interfaces.wg0.privateKeyFile = "/var/lib/wg"'
    write_fleet(tmp_path, {"box": text})
    assert [f.private for f in check(tmp_path).findings if f.code == "wireguard-private-key"] == [True]
