"""Servers: certificates, websites, databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from pantheros.checks.refusals.rule import Refused, Rule, Said, _paths, given, has, off, on, there, unset
from pantheros.checks.settings import Wrong
from pantheros.nix.values import key
from pantheros.releases.index import UNKNOWN


def _has_e_mail(said: Said, name: str) -> bool:
    """Whether some certificate has an address of its own."""
    certificates = ("security", "acme", "certs")
    return any((*certificates, found, "email") in said.view.system for found in said.names(certificates))


NGINX = ("services", "nginx", "enable")
VHOST = "services.nginx.virtualHosts.*"
_CHALLENGES = ("dnsProvider", "webroot", "listenHTTP", "s3Bucket")
_WAYS = "`dnsProvider`, `webroot`, `listenHTTP` and `s3Bucket`"
_PASSWORDS = ("password", "passwordFile", "hashedPassword", "hashedPasswordFile")
TLS = ("addSSL", "onlySSL", "forceSSL", "rejectSSL")


def _named_elsewhere(said: Said, word: str, but_within: tuple[str, ...] = ("",)) -> bool:
    return any(
        word in path or (path[-1] != "useACMEHost" and setting.value == word)
        for path, setting in said.view.system.items()
        if path[: len(but_within)] != but_within
    )


RULES: tuple[Rule, ...] = (
    *(
        Rule(
            "security/acme/default.nix",
            wrong,
            (condition, off(lacking), *more),
            last,
            unless,
        )
        for condition, *more in (
            [on(f"{VHOST}.enableACME"), on("services.nginx.enable"), off(f"{VHOST}.useACMEHost")],
            [there("security.acme.certs.*")],
        )
        for wrong, lacking, last, unless in (
            (
                Wrong(
                    "acme-terms-not-accepted",
                    "certificates are to be fetched, but the authority's terms are not accepted",
                    "read them at letsencrypt.org/repository, and set `security.acme.acceptTerms = true`",
                ),
                "security.acme.acceptTerms",
                "unstable",
                lambda said, name: False,
            ),
            (
                Wrong(
                    "acme-without-e-mail",
                    "certificates are to be fetched, but no address is given to register with",
                    "set `security.acme.defaults.email`",
                ),
                "security.acme.defaults.email",
                "25.05",
                _has_e_mail,
            ),
        )
    ),
    Rule(
        "security/acme/default.nix",
        Wrong(
            "acme-star-in-name",
            "the certificate {name} cannot have a * in its name",
            'give it another name, and set its `domain = "{name}"`',
        ),
        (there("security.acme.certs.*"),),
        unless=lambda said, name: "*" not in name,
    ),
    *(
        Rule(
            "services/web-servers/nginx/default.nix",
            Wrong(
                "nginx-tls-modes",
                f"the site {{name}} has `{one}` and `{other}`, which exclude each other",
                "keep one of them: `forceSSL` sends visitors on to HTTPS, `addSSL` serves both, `onlySSL` HTTPS alone",
            ),
            (on(f"{VHOST}.{one}"), on(f"{VHOST}.{other}"), on("services.nginx.enable")),
        )
        for one, other in combinations(TLS, 2)
    ),
    Rule(
        "services/web-servers/nginx/default.nix",
        Wrong(
            "nginx-certificate-twice",
            "the site {name} is to fetch a certificate of its own and to use another's",
            "keep one of `enableACME` and `useACMEHost`",
        ),
        (on(f"{VHOST}.enableACME"), given(f"{VHOST}.useACMEHost"), on("services.nginx.enable")),
    ),
    Rule(
        "services/web-servers/nginx/default.nix",
        Wrong(
            "nginx-without-certificate",
            "the site {name} is to speak HTTPS, but has no certificate",
            "set `enableACME = true`, `useACMEHost`, or `sslCertificate` and `sslCertificateKey`",
        ),
        (
            on(f"{VHOST}.forceSSL", f"{VHOST}.addSSL", f"{VHOST}.onlySSL"),
            on("services.nginx.enable"),
            off(f"{VHOST}.enableACME", f"{VHOST}.useACMEHost", f"{VHOST}.sslCertificate"),
        ),
        unless=lambda said, name: said.mentioned(name, ("services", "nginx")),
    ),
    Rule(
        "services/web-servers/nginx/default.nix",
        Wrong(
            "nginx-without-quic",
            "the site {name} is to speak QUIC, which this nginx cannot",
            "set `services.nginx.package` to nginxQuic",
        ),
        (on(f"{VHOST}.quic"), on("services.nginx.enable"), unset("services.nginx.package")),
        last="24.11",
    ),
    Rule(
        "services/web-servers/nginx/default.nix",
        Wrong(
            "nginx-resolver",
            "nginx is to ask name servers neither for addresses of IPv4 nor of IPv6",
            "leave out `ipv4 = false`, or `ipv6 = false`",
        ),
        (
            *(has(lambda value: value is False, f"services.nginx.resolver.{version}") for version in ("ipv4", "ipv6")),
            on("services.nginx.enable"),
        ),
    ),
    *(
        Rule(
            "services/web-servers/apache-httpd/default.nix",
            Wrong(
                "httpd-tls-modes",
                f"the site {{name}} has `{one}` and `{other}`, which exclude each other",
                "keep one of them: `forceSSL` sends visitors on to HTTPS, `addSSL` serves both, `onlySSL` HTTPS alone",
            ),
            (
                on(f"services.httpd.virtualHosts.*.{one}"),
                on(f"services.httpd.virtualHosts.*.{other}"),
                on("services.httpd.enable"),
            ),
        )
        for one, other in combinations(TLS[:3], 2)
    ),
    Rule(
        "services/web-servers/caddy/default.nix",
        Wrong(
            "caddy-adapter",
            "an adapter is for a configuration file of your own, and Caddy has none",
            "name the file in `services.caddy.configFile`, or leave out `services.caddy.adapter`",
        ),
        (
            has(lambda value: isinstance(value, str) and value != "caddyfile", "services.caddy.adapter"),
            on("services.caddy.enable"),
            unset("services.caddy.configFile"),
        ),
    ),
    Rule(
        "services/databases/redis.nix",
        Wrong(
            "redis-password-twice",
            "the password of Redis' server {name} is given as a text and as a file",
            "keep `requirePassFile`",
        ),
        (
            given("services.redis.servers.*.requirePassFile"),
            given("services.redis.servers.*.requirePass"),
            on("services.redis.servers.*.enable"),
        ),
    ),
    Rule(
        "services/databases/mongodb.nix",
        Wrong(
            "mongodb-without-password",
            "MongoDB is to ask who one is, but has no password for its administrator",
            "set the password of the administrator, root",
        ),
        (
            on("services.mongodb.enableAuth"),
            on("services.mongodb.enable"),
            unset("services.mongodb.initialRootPassword", "services.mongodb.initialRootPasswordFile"),
        ),
    ),
    Rule(
        "services/databases/cockroachdb.nix",
        Wrong(
            "cockroachdb-without-certificates",
            "CockroachDB has no certificates",
            "set `services.cockroachdb.certsDir`, or `insecure = true` where nobody else gets at it",
        ),
        (on("services.cockroachdb.enable"), off("services.cockroachdb.certsDir", "services.cockroachdb.insecure")),
    ),
    Rule(
        "services/databases/influxdb2.nix",
        Wrong(
            "influxdb-path",
            "the paths of InfluxDB's data are not to be chosen",
            "leave out `bolt-path` and `engine-path`: the data is in /var/lib/influxdb2",
        ),
        (
            given(*(f"services.influxdb2.settings.{name}-path" for name in ("bolt", "engine"))),
            on("services.influxdb2.enable"),
        ),
    ),
    Rule(
        "services/web-apps/miniflux.nix",
        Wrong(
            "miniflux-without-admin",
            "Miniflux is to make an account for its admin, but has no password for it",
            "set `services.miniflux.adminCredentialsFile`, or `config.CREATE_ADMIN = 0`",
        ),
        (
            on("services.miniflux.enable"),
            off("services.miniflux.adminCredentialsFile"),
            unset("services.miniflux.config.CREATE_ADMIN"),
        ),
    ),
    Rule(
        "services/security/vaultwarden/default.nix",
        Wrong(
            "vaultwarden-backup",
            "only a database of SQLite is backed up, and Vaultwarden has another",
            "leave out `services.vaultwarden.backupDir`, and back the database up by itself",
        ),
        (
            given("services.vaultwarden.backupDir"),
            has(lambda value: isinstance(value, str) and value != "sqlite", "services.vaultwarden.dbBackend"),
            on("services.vaultwarden.enable"),
        ),
    ),
    *(
        Rule(
            "services/networking/adguardhome.nix",
            Wrong(
                "adguard-address",
                f"AdGuard Home takes no `{old}` among its settings",
                f"set `services.adguardhome.{new}`",
            ),
            (given(f"services.adguardhome.settings.{old}"), on("services.adguardhome.enable")),
            last="24.11",
        )
        for old, new in (("bind_host", "host"), ("bind_port", "port"))
    ),
    Rule(
        "services/networking/adguardhome.nix",
        Wrong(
            "adguard-without-bootstrap",
            "AdGuard Home is not told whom to ask for the addresses of its name servers",
            "set `services.adguardhome.settings.dns.bootstrap_dns` to a list of addresses",
        ),
        (
            has(lambda value: value is False, "services.adguardhome.mutableSettings"),
            on("services.adguardhome.enable"),
            there("services.adguardhome.settings"),
            unset("services.adguardhome.settings.dns.bootstrap_dns"),
        ),
        last="24.11",
    ),
    Rule(
        "services/networking/headscale.nix",
        Wrong(
            "headscale-base-domain",
            "Headscale is not told below which domain the names of the machines lie",
            "set `services.headscale.settings.dns.base_domain`, or `dns.magic_dns = false`",
        ),
        (
            on("services.headscale.enable"),
            has(lambda value: value is not False, "services.headscale.settings.dns.magic_dns"),
            off("services.headscale.settings.dns.base_domain"),
            unset("services.headscale.settings.dns_config"),
        ),
        last="24.11",
    ),
    *(
        Rule(
            "services/networking/headscale.nix",
            Wrong(
                "headscale-setting-gone",
                f"Headscale no longer takes `{old}` among its settings",
                f"set `services.headscale.settings.{new}`",
            ),
            (given(f"services.headscale.settings.{old}"), on("services.headscale.enable")),
            last="24.11",
        )
        for old, new in (
            ("acl_policy_path", "policy.path"),
            ("db_host", "database.postgres.host"),
            ("db_name", "database.postgres.name"),
            ("db_password_file", "database.postgres.password_file"),
            ("db_path", "database.sqlite.path"),
            ("db_port", "database.postgres.port"),
            ("db_type", "database.type"),
            ("db_user", "database.postgres.user"),
        )
    ),
    Rule(
        "services/games/minecraft-server.nix",
        Wrong(
            "minecraft-terms-not-accepted",
            "Minecraft's server runs only for who agrees to its licence",
            "read it at account.mojang.com/documents/minecraft_eula, and set `services.minecraft-server.eula = true`",
        ),
        (on("services.minecraft-server.enable"), off("services.minecraft-server.eula")),
    ),
    Rule(
        "services/security/fail2ban.nix",
        Wrong(
            "ban-time-twice",
            "the time of a repeated ban is given by a formula and by factors",
            "keep one of `bantime-increment.formula` and `bantime-increment.multipliers`",
        ),
        (
            given("services.fail2ban.bantime-increment.formula"),
            given("services.fail2ban.bantime-increment.multipliers"),
            on("services.fail2ban.enable"),
        ),
    ),
    Rule(
        "services/web-apps/nextcloud.nix",
        Wrong(
            "nextcloud-local-database-password",
            "Nextcloud's own database on the host takes no password",
            "leave out `services.nextcloud.config.dbpassFile`",
        ),
        (
            given("services.nextcloud.config.dbpassFile"),
            on("services.nextcloud.database.createLocally"),
            on("services.nextcloud.enable"),
        ),
    ),
)


def owners_of_databases(said: Said) -> Iterator[Refused]:
    """`services/databases/postgresql.nix`: who is to own the database of the same name needs that database."""
    users, databases = ("services", "postgresql", "ensureUsers"), ("services", "postgresql", "ensureDatabases")
    found, known = said.value(users), said.value(databases)
    if said.value(("services", "postgresql", "enable")) is not True or not isinstance(found, list):
        return
    if not (known is None or (isinstance(known, list) and all(isinstance(name, str) for name in known))):
        return
    for user in found:
        name = user.get("name") if isinstance(user, dict) and user.get("ensureDBOwnership") is True else None
        if isinstance(name, str) and name not in (known or []) and not said.mentioned(name, users[:2]):
            message = f"{name} is to own the database {name}, which is not among `ensureDatabases`"
            help = f'add "{name}" to `services.postgresql.ensureDatabases`'
            yield Refused(Wrong("database-of-owner-missing", message, help), (users,), (databases,))


def certificates_of_others(said: Said) -> Iterator[Refused]:
    """`services/web-servers/nginx/default.nix`: the certificate that a site shares with another has to exist."""
    if said.value(NGINX) is not True:
        return
    for name in said.names(("services", "nginx", "virtualHosts")):
        path = ("services", "nginx", "virtualHosts", name, "useACMEHost")
        wanted = said.value(path)
        certificate = ("security", "acme", "certs", str(wanted))
        if isinstance(wanted, str) and path in said.view.system and not _named_elsewhere(said, wanted):
            message = f"the site {name} is to use the certificate {wanted}, which nothing on this host fetches"
            help = f"set `enableACME = true` for the site {wanted}, or describe it under `security.acme.certs`"
            yield Refused(Wrong("certificate-unknown", message, help), (path,), (certificate,))


def certificates_unreadable(said: Said) -> Iterator[Refused]:
    """`security/acme/mk-cert-ownership-assertion.nix`: nginx has to be in the group of the certificate that it uses."""
    told = ("services.nginx.user", "services.nginx.group", "security.acme.defaults.group", "users.users.nginx")
    if said.view.host.release > "25.05" or any(said.anything(path) for path in _paths(told)):
        return
    for name in said.names(("services", "nginx", "virtualHosts")) if said.value(NGINX) is True else ():
        path = ("services", "nginx", "virtualHosts", name, "useACMEHost")
        wanted = said.value(path)
        certificate = ("security", "acme", "certs", wanted if isinstance(wanted, str) else "")
        group = said.value((*certificate, "group")) or "acme"
        site = ("services", "nginx", "virtualHosts", certificate[-1])
        if certificate in said.below and group != "nginx" and not said.anything(site):
            members = ("users", "groups", str(group))
            if group is not UNKNOWN and not said.anything(members):
                message = f"nginx may not read the certificate {wanted}, which belongs to the group {group}"
                help = f'set `security.acme.certs.{key(certificate[-1])}.group = "nginx"`'
                yield Refused(Wrong("certificate-not-readable", message, help), (path,), ((*certificate, "group"),))


def ways_of_certificates(said: Said) -> Iterator[Refused]:
    """`security/acme/default.nix`: there is one way to prove that a domain is one's own."""
    certificates = ("security", "acme", "certs")
    defaults = ("security", "acme", "defaults")
    of_all = any(said.anything((*defaults, way)) for way in _CHALLENGES)
    for name in said.names(certificates):
        ways = {way: said.value((*certificates, name, way)) for way in _CHALLENGES}
        given = [(*certificates, name, way) for way, value in ways.items() if value is not None]
        if len(given) > 1 and UNKNOWN not in ways.values():
            message = f"the certificate {name} is to be fetched in {len(given)} ways, of which there can be one"
            yield Refused(Wrong("acme-challenge", message, f"keep one of {_WAYS}"), tuple(reversed(given)))
        elif not (given or of_all or _named_elsewhere(said, name, certificates)):
            message = f"the certificate {name} has no way to prove to the authority that the domain is yours"
            lacking = tuple((*certificates, name, way) for way in _CHALLENGES)
            yield Refused(Wrong("acme-challenge", message, f"set one of {_WAYS}"), ((*certificates, name),), lacking)


def roots_of_locations(said: Said) -> Iterator[Refused]:
    """`services/web-servers/nginx/default.nix`: what lies at a path is found by a root or by an alias."""
    for site in said.names(("services", "nginx", "virtualHosts")) if said.value(NGINX) is True else ():
        locations = ("services", "nginx", "virtualHosts", site, "locations")
        for name in said.names(locations):
            paths = tuple((*locations, name, option) for option in ("alias", "root"))
            if all(isinstance(said.value(path), str) for path in paths):
                message = f"the site {site} has both a root and an alias at {name}"
                yield Refused(Wrong("nginx-root-and-alias", message, "keep one of `root` and `alias`"), paths)


def domains_of_headscale(said: Said) -> Iterator[Refused]:
    """`services/networking/headscale.nix`: the server is not among the names that it gives away."""
    settings = ("services", "headscale", "settings")
    server, below = (*settings, "server_url"), (*settings, "dns", "base_domain")
    url, domain = said.value(server), said.value(below)
    if said.view.host.release > "24.11" or said.value(("services", "headscale", "enable")) is not True:
        return
    if said.anything((*settings, "dns", "use_username_in_magic_dns")) or not (domain and isinstance(domain, str)):
        return
    if isinstance(url, str) and domain in url:
        message = f"the names of the machines lie below {domain}, which is in the address of the server itself"
        help = "take a domain below it, or another, as `dns.base_domain`"
        yield Refused(Wrong("headscale-base-domain", message, help), (below, server))


def passwords_of_mosquitto(said: Said) -> Iterator[Refused]:
    """`services/networking/mosquitto.nix`: a user's password is given in one way."""
    mosquitto = ("services", "mosquitto")
    path = (*mosquitto, "listeners")
    listeners = said.value(path)
    if said.value((*mosquitto, "enable")) is not True or not isinstance(listeners, list):
        return
    for at, listener in enumerate(listeners):
        users = listener.get("users") if isinstance(listener, dict) else None
        for name, user in users.items() if isinstance(users, dict) else ():
            ways = [way for way in _PASSWORDS if isinstance(user, dict) and isinstance(user.get(way), str)]
            if len(ways) > 1:
                message = f"the password of {name} is given in {len(ways)} ways, of which there can be one"
                wrong = Wrong("mosquitto-password-twice", message, "keep `hashedPasswordFile` or `passwordFile`")
                yield Refused(wrong, (path,), inside=(at, "users", name, ways[-1]))


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (
    roots_of_locations,
    domains_of_headscale,
    passwords_of_mosquitto,
    owners_of_databases,
    certificates_of_others,
    certificates_unreadable,
    ways_of_certificates,
)
