"""Servers: certificates, websites, databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from pantheros.checks.refusals.rule import Refused, Rule, Said, _paths, given, off, on, there
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


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (
    owners_of_databases,
    certificates_of_others,
    certificates_unreadable,
    ways_of_certificates,
)
