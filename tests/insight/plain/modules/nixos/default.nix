{
  imports = [
    ./core
    ./users/people.nix
    ./services/photos.nix
    ./services/web.nix
    # ./services/dns.nix
  ];
}
