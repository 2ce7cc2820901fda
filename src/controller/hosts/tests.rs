//! Tables of hosts and addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::address::{Kind, kind};
use super::pattern::{HostName, Hosts};
use super::{HostBinding, Policy, PrivateAddresses, SecretHosts, SourceType};
use crate::api::{BrazeApp, Source};
use crate::braze::{BrazeConfig, Limits};
use crate::controller::Reason;
use crate::source::{PostgresConfig, PostgresLogin, SourceConfig, System, Tls};

/// Hosts by the name of the Secret.
#[derive(Default)]
struct Owners(BTreeMap<&'static str, Vec<&'static str>>);

impl SecretHosts for Owners {
    fn allowed_hosts(&self, secret: &str) -> Vec<String> {
        self.0.get(secret).into_iter().flatten().map(|host| (*host).to_owned()).collect()
    }
}

fn owners(hosts: &[&'static str]) -> Owners {
    Owners(BTreeMap::from([("login", hosts.to_vec())]))
}

fn hosts(entries: &[&str]) -> Hosts {
    Hosts::parse(entries).expect("a list of hosts")
}

fn app(endpoint: &str) -> BrazeApp {
    let object = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "BrazeApp", "metadata": { "name": "eu" },
        "spec": { "restEndpoint": endpoint, "apiKeySecretRef": { "name": "login", "key": "k" } },
    });
    serde_json::from_value(object).expect("a BrazeApp")
}

fn source(spec: Value) -> Source {
    let object = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "Source", "metadata": { "name": "wh" }, "spec": spec,
    });
    serde_json::from_value(object).expect("a Source")
}

fn server(host: &str) -> Source {
    let login = json!({ "name": "login", "key": "p" });
    source(json!({ "postgres": { "host": host, "database": "d", "user": "u", "passwordSecretRef": login } }))
}

fn resolved(host: &str) -> SourceConfig {
    let login = PostgresLogin {
        host: host.to_owned(),
        port: 5432,
        database: "d".to_owned(),
        user: "u".to_owned(),
        password: None,
        require_channel_binding: false,
    };
    let config = PostgresConfig { login, tls: Tls::default(), session_parameters: Vec::new(), guard: None };
    SourceConfig { system: System::Postgres(config), query_timeout: Duration::from_secs(1) }
}

fn braze(endpoint: &str) -> BrazeConfig {
    BrazeConfig {
        endpoint: endpoint.to_owned(),
        key: SecretString::from("key"),
        extra_ca: None,
        limits: Limits {
            objects_per_request: 75,
            requests_per_second: None,
            max_in_flight: 1,
            retry_for: Duration::ZERO,
        },
        guard: None,
    }
}

/// What a policy says of a Source's host and then of the address that it leads to.
fn connect(policy: &Policy, host: &str, address: &str) -> Result<(), String> {
    let mut config = resolved(host);
    let owners = Owners(BTreeMap::from([("login", vec!["*", "*.*", "*.*.*", "0.0.0.0/0", "::/0"])]));
    policy.guard_source(&server(host), &mut config, &owners).map_err(|problem| problem.message)?;
    let System::Postgres(config) = config.system else { unreachable!("made above") };
    config.guard.expect("a guard").check(address.parse().expect("an address"))
}

/// api.md §9, `allowedHosts`
#[test]
fn a_pattern_is_for_whole_labels_whatever_the_spelling() {
    let list = hosts(&[
        "rest.*.braze.com",
        "DB.Example.com.",
        "pg.corp:5433",
        "10.0.0.0/8",
        "[fd00::7]:99",
        "*.a.*",
    ]);
    for (host, port, allowed) in [
        ("rest.iad-01.braze.com", 443, true),
        ("REST.IAD-01.BRAZE.COM.", 443, true),
        ("rest.braze.com", 443, false),
        ("rest.a.b.braze.com", 443, false),
        ("rest.iad-01.braze.com.evil.example", 443, false),
        ("evil-rest.iad-01.braze.com", 443, false),
        ("rest.iad-01.braze.co", 443, false),
        ("db.example.com", 1, true),
        ("xdb.example.com", 1, false),
        ("pg.corp", 5433, true),
        ("pg.corp", 5432, false),
        ("10.255.0.1", 5, true),
        ("11.0.0.1", 5, false),
        ("fd00:0:0::7", 99, true),
        ("fd00::7", 98, false),
        ("x.a.y", 1, true),
        ("x.y.a.y", 1, false),
    ] {
        let host = HostName::parse(host).expect(host);
        assert_eq!(list.contain(&host, port), allowed, "{host}:{port}");
    }
    assert!(Hosts::any().contain(&HostName::parse("any.thing.at.all").expect("a host"), 1));
    for wrong in ["", "a b", "https://x", "x:y", "10.0.0.0/33", "db*.corp", "a..b.*", "::1/x", "ü*.com"] {
        assert!(Hosts::parse([wrong]).is_err(), "{wrong:?}");
    }
    let shown = hosts(&["*", "A.b:1", "10.0.0.0/8", "[::1]:2", "::2"]).to_string();
    assert_eq!(shown, "*, a.b:1, 10.0.0.0/8, [::1]:2, ::2");
}

/// api.md §9: hosts of a BrazeApp; loopback only when listed, the only use of http
#[test]
fn a_braze_app_may_only_name_hosts_that_the_cluster_allows() {
    let default = Policy::default();
    let listed = |entries: &[&str]| Policy { allowed_app_hosts: hosts(entries), ..Policy::default() };
    for (policy, endpoint, allowed) in [
        (&default, "https://rest.fra-01.braze.eu", true),
        (&default, "https://REST.fra-01.braze.EU./", true),
        (&default, "https://rest.fra-01.braze.eu:8443", true),
        (&default, "https://rest.evil.example", false),
        (&default, "https://127.0.0.1", false),
        (&default, "http://localhost:8080", false),
        (&listed(&["*.*.*.*", "*"]), "http://localhost:8080", false),
        (&listed(&["*"]), "https://2130706433", false),
        (&listed(&["*"]), "https://0x7f.1", false),
        (&listed(&["*"]), "https://localhost.", false),
        (&listed(&["*"]), "https://kubernetes.default.svc.cluster.local", false),
        (&listed(&["*"]), "https://a.corp", true),
        (&listed(&["localhost"]), "http://localhost:8080", true),
        (&listed(&["localhost:8080"]), "http://localhost:8081", false),
        (&listed(&["127.0.0.1"]), "http://127.0.0.1:8080", true),
        (&listed(&["127.0.0.0/8"]), "http://127.0.0.1:8080", true),
    ] {
        let judged = policy.admit_app(&app(endpoint));
        assert_eq!(judged.is_ok(), allowed, "{endpoint}: {judged:?}");
        if let Err(problem) = judged {
            assert_eq!(problem.reason, Reason::EndpointNotAllowed);
            assert_eq!(problem.field, "spec.restEndpoint");
        }
    }
    let message = default.admit_app(&app("https://x.example")).expect_err("not listed").message;
    assert_eq!(
        message,
        "host x.example is not allowed in this cluster: allowedHosts has rest.*.braze.com, rest.*.braze.eu"
    );
}

/// api.md §9: http goes to this machine, also when the name is made to lead elsewhere
#[test]
fn http_connects_to_this_machine_alone() {
    let policy = Policy { allowed_app_hosts: hosts(&["localhost", "10.0.0.1"]), ..Policy::default() };
    let mut config = braze("http://localhost:1");
    policy.guard_app(&app("http://localhost:1"), &mut config, &owners(&["localhost"])).expect("allowed");
    let guard = config.guard.expect("a guard");
    assert_eq!(guard.check([127, 0, 0, 1].into()), Ok(()));
    assert_eq!(guard.check([10, 0, 0, 1].into()), Err("http is for this machine alone".to_owned()));
    assert!(guard.check([93, 184, 216, 34].into()).is_err());
}

/// api.md §9, `secretHostBinding`
#[test]
fn a_secret_must_name_the_host_that_gets_its_value() {
    let policy = Policy { allowed_app_hosts: hosts(&["rest.*.braze.com", "*.corp"]), ..Policy::default() };
    let judge = |endpoint: &str, secret: &[&'static str]| {
        policy.guard_app(&app(endpoint), &mut braze(endpoint), &owners(secret))
    };
    // Braze's own hosts need no binding.
    assert_eq!(judge("https://rest.iad-01.braze.com", &[]), Ok(()));
    let problem = judge("https://proxy.corp", &[]).expect_err("not named");
    assert_eq!(
        (problem.reason, problem.field.as_str()),
        (Reason::EndpointNotAllowed, "spec.apiKeySecretRef")
    );
    assert_eq!(
        problem.message,
        "Secret login does not allow its values to be sent to proxy.corp: its owner can name the host in the \
         annotation grouparoo.io/allowed-hosts or in a data key host"
    );
    for (named, fine) in [
        (&["PROXY.corp."][..], true),
        (&["*.corp"], true),
        (&["other.corp", "proxy.corp:443"], true),
        (&["proxy.corp:444"], false),
        // One label, not everything.
        (&["*"], false),
        (&["corp", "not a host", "proxy.corp.evil.example"], false),
    ] {
        assert_eq!(judge("https://proxy.corp", named).is_ok(), fine, "{named:?}");
    }
    let off = Policy { secret_host_binding: HostBinding::Off, ..policy.clone() };
    let mut config = braze("https://proxy.corp");
    assert_eq!(off.guard_app(&app("https://proxy.corp"), &mut config, &Owners::default()), Ok(()));
    assert!(config.guard.is_some());
}

#[test]
fn every_secret_of_a_login_is_bound_and_a_whole_url_is_not() {
    let policy = Policy::default();
    let judge = |spec: Value, owners: &Owners| {
        policy.guard_source(&source(spec), &mut resolved("db.corp"), owners).map_err(|problem| problem.field)
    };
    let key = |name: &str| json!({ "name": name, "key": "k" });
    let owners = owners(&["db.corp"]);
    let fields = |more: Value| {
        let mut spec = json!({ "host": "db.corp", "database": "d" });
        spec.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "postgres": spec })
    };
    assert_eq!(
        judge(fields(json!({ "userSecretRef": key("login"), "passwordSecretRef": key("login") })), &owners),
        Ok(())
    );
    for (spec, field) in [
        (json!({ "user": "u", "passwordSecretRef": key("other") }), "passwordSecretRef"),
        (json!({ "userSecretRef": key("other"), "passwordSecretRef": key("login") }), "userSecretRef"),
        (
            json!({ "user": "u", "tls": { "clientCertSecretRef": { "name": "other" } } }),
            "tls.clientCertSecretRef",
        ),
    ] {
        assert_eq!(judge(fields(spec), &owners), Err(format!("spec.postgres.{field}")));
    }
    // What is only trusted is not sent.
    assert_eq!(
        judge(fields(json!({ "user": "u", "tls": { "caSecretRef": key("other") } })), &owners),
        Ok(())
    );
    assert_eq!(judge(json!({ "postgres": { "urlSecretRef": key("other") } }), &owners), Ok(()));
}

/// api.md §9, `sources.types`, `sources.tls`, `dataRoot`
#[test]
fn a_source_that_the_cluster_does_not_allow_is_an_invalid_spec() {
    let postgres = json!({ "host": "db", "database": "d", "user": "u" });
    let clear = json!({ "host": "db", "database": "d", "user": "u", "tls": { "mode": "Disabled" } });
    let default = Policy::default();
    let files = Policy { data_root: true, ..Policy::default() };
    let few = Policy { source_types: BTreeSet::from([SourceType::Csv]), ..Policy::default() };
    let strict = Policy { require_tls: true, ..Policy::default() };
    for (policy, spec, field) in [
        (&default, json!({ "postgres": postgres }), None),
        (&default, json!({ "mysql": postgres }), None),
        (&default, json!({ "sqlite": { "path": "a.db" } }), Some("spec.sqlite")),
        (&default, json!({ "csv": { "directory": "." } }), Some("spec.csv")),
        (&default, json!({ "csv": { "configMapRef": { "name": "x" } } }), None),
        (&files, json!({ "sqlite": { "path": "a.db" } }), None),
        (&few, json!({ "postgres": postgres }), Some("spec.postgres")),
        (&default, json!({ "postgres": clear }), None),
        (&strict, json!({ "postgres": clear }), Some("spec.postgres.tls.mode")),
        (&strict, json!({ "postgres": postgres }), None),
    ] {
        let judged = policy.admit_source(&source(spec.clone()));
        assert_eq!(judged.as_ref().err().map(|problem| problem.field.as_str()), field, "{spec}");
        assert!(judged.err().is_none_or(|problem| problem.reason == Reason::InvalidSpec));
    }
    assert_eq!("SQLite".parse(), Ok(SourceType::Sqlite));
    assert!("oracle".parse::<SourceType>().is_err());
}

/// api.md §9, `sources.privateAddresses`; conventions 12, endpoints
#[test]
fn the_address_decides_whatever_name_leads_to_it() {
    let default = Policy { cluster_addresses: BTreeSet::from([[10, 96, 0, 1].into()]), ..Policy::default() };
    let denied = Policy { private_addresses: PrivateAddresses::Denied, ..default.clone() };
    let listed = |entries: &[&str]| Policy { allowed_source_hosts: hosts(entries), ..denied.clone() };
    for (policy, host, address, allowed) in [
        (&default, "db.corp", "93.184.216.34", true),
        (&default, "db.corp", "10.1.2.3", true),
        (&default, "db.corp", "fd12::1", true),
        (&default, "db.corp", "127.0.0.1", false),
        (&default, "db.corp", "::1", false),
        (&default, "db.corp", "0.0.0.0", false),
        (&default, "db.corp", "169.254.169.254", false),
        (&default, "db.corp", "fd00:ec2::254", false),
        (&default, "db.corp", "10.96.0.1", false),
        (&default, "db.corp", "::ffff:10.96.0.1", false),
        (&default, "db.corp", "64:ff9b::10.96.0.1", false),
        (&default, "db.corp", "224.0.0.1", false),
        (&denied, "db.corp", "93.184.216.34", true),
        (&denied, "db.corp", "10.1.2.3", false),
        (&denied, "db.corp", "100.64.0.1", false),
        (&denied, "db.corp", "fd12::1", false),
        (&denied, "db.corp", "64:ff9b::a01:203", false),
        // The name is listed, so where it leads is the administrator's own affair, up to what no name should.
        (&listed(&["db.corp"]), "db.corp", "10.1.2.3", true),
        (&listed(&["db.corp"]), "db.corp", "127.0.0.1", true),
        (&listed(&["db.corp"]), "db.corp", "169.254.169.254", false),
        (&listed(&["*.corp"]), "db.corp", "10.1.2.3", false),
        (&listed(&["*", "10.1.0.0/16"]), "db.corp", "10.1.2.3", true),
        (&listed(&["*", "10.1.0.0/16"]), "db.corp", "::ffff:10.1.2.3", true),
        (&listed(&["*", "169.254.9.9"]), "db.corp", "169.254.9.9", true),
        (&listed(&["*", "169.254.9.9"]), "db.corp", "169.254.9.8", false),
        // Written as an address.
        (&default, "10.1.2.3", "10.1.2.3", true),
        (&denied, "10.1.2.3", "10.1.2.3", false),
        (&default, "127.0.0.1", "127.0.0.1", false),
        (&listed(&["127.0.0.1"]), "127.0.0.1", "127.0.0.1", true),
    ] {
        let judged = connect(policy, host, address);
        assert_eq!(judged.is_ok(), allowed, "{host} at {address}: {judged:?}");
    }
}

#[test]
fn a_network_of_every_width_ends_where_it_should() {
    let at = |network: &str, address: &str| {
        hosts(&[network]).list_address(address.parse().expect("an address"), 1)
    };
    assert!(at("0.0.0.0/0", "255.1.1.1") && at("::/0", "ff::1"));
    assert!(!at("0.0.0.0/0", "::1") && !at("::/0", "1.1.1.1"));
    assert!(at("10.1.2.3/32", "10.1.2.3") && !at("10.1.2.3/32", "10.1.2.2"));
    assert!(at("10.1.2.0/31", "10.1.2.1") && !at("10.1.2.0/31", "10.1.2.2"));
    assert!(at("fd00::/8", "fdff::1") && !at("fd00::/8", "fe00::1"));
    assert!(at("fd00::1/128", "fd00::1") && !at("fd00::1/128", "fd00::2"));
}

#[test]
fn the_edges_of_the_special_networks_are_where_they_are_defined() {
    for (address, wanted) in [
        ("9.255.255.255", Kind::Public),
        ("10.0.0.0", Kind::Private),
        ("10.255.255.255", Kind::Private),
        ("11.0.0.0", Kind::Public),
        ("172.15.255.255", Kind::Public),
        ("172.16.0.0", Kind::Private),
        ("172.31.255.255", Kind::Private),
        ("172.32.0.0", Kind::Public),
        ("192.167.255.255", Kind::Public),
        ("192.168.0.0", Kind::Private),
        ("100.63.255.255", Kind::Public),
        ("100.64.0.0", Kind::Private),
        ("100.100.100.200", Kind::Metadata),
        ("100.127.255.255", Kind::Private),
        ("100.128.0.0", Kind::Public),
        ("126.255.255.255", Kind::Public),
        ("127.0.0.0", Kind::Loopback),
        ("128.0.0.0", Kind::Public),
        ("169.253.255.255", Kind::Public),
        ("169.254.0.0", Kind::LinkLocal),
        ("169.254.169.254", Kind::Metadata),
        ("168.63.129.16", Kind::Metadata),
        ("223.255.255.255", Kind::Public),
        ("224.0.0.0", Kind::Multicast),
        ("239.255.255.255", Kind::Multicast),
        ("240.0.0.0", Kind::Reserved),
        ("255.255.255.255", Kind::Multicast),
        ("0.1.2.3", Kind::Loopback),
        ("::", Kind::Loopback),
        ("::1", Kind::Loopback),
        ("fbff::1", Kind::Public),
        ("fc00::1", Kind::Private),
        ("fdff::1", Kind::Private),
        ("fe7f::1", Kind::Public),
        ("fe80::1", Kind::LinkLocal),
        ("febf::1", Kind::LinkLocal),
        ("fec0::1", Kind::Private),
        ("ff02::1", Kind::Multicast),
        ("2606:4700::1111", Kind::Public),
        ("64:ff9b::8.8.8.8", Kind::Public),
        ("64:ff9b:1::8.8.8.8", Kind::Public),
        ("64:ff9b:1:808:8:800::", Kind::Public),
        ("::ffff:8.8.8.8", Kind::Public),
        ("2002:808:808::1", Kind::Public),
    ] {
        assert_eq!(kind(address.parse().expect(address)), wanted, "{address}");
    }
}

/// conventions 12: in any spelling
#[test]
fn no_spelling_of_a_forbidden_address_gets_through() {
    let policy = Policy { private_addresses: PrivateAddresses::Denied, ..Policy::default() };
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        u32::try_from(seed >> 32).expect("32 bits")
    };
    // A network, and how many of its bits are fixed.
    let networks = [
        ([127, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([172, 16, 0, 0], 12),
        ([192, 168, 0, 0], 16),
        ([169, 254, 0, 0], 16),
        ([100, 64, 0, 0], 10),
        ([224, 0, 0, 0], 4),
        ([0, 0, 0, 0], 8),
        ([169, 254, 169, 254], 32),
    ];
    for round in 0..400 {
        let (network, bits) = networks[round % networks.len()];
        let mask = u32::MAX.checked_shr(bits).unwrap_or(0);
        let address = Ipv4Addr::from_bits(Ipv4Addr::from(network).to_bits() | (next() & mask));
        for text in spelled_v4(address) {
            let judged = policy.admit_source(&server(&text));
            assert!(judged.is_err(), "{text} is {address}");
        }
        for wrapped in wrapped_v6(address) {
            assert_ne!(kind(wrapped.into()), Kind::Public, "{wrapped} is {address}");
            for text in [wrapped.to_string(), format!("[{wrapped}]"), long_v6(wrapped)] {
                let judged = policy.admit_source(&server(&text));
                assert!(judged.is_err(), "{text} is {address}");
            }
            assert!(connect(&policy, "db.corp", &wrapped.to_string()).is_err(), "{wrapped}");
        }
        assert!(connect(&policy, "db.corp", &address.to_string()).is_err(), "{address}");
    }
    for name in [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "localhost.localdomain",
        "ip6-loopback",
        "kubernetes",
        "Kubernetes.Default.",
        "kubernetes.default.svc",
    ] {
        assert!(policy.admit_source(&server(name)).is_err(), "{name}");
    }
    for name in
        ["localhost.example.com", "notlocalhost", "kubernetes.corp", "kubernetes.default.corp", "db_1.corp"]
    {
        assert_eq!(policy.admit_source(&server(name)), Ok(()), "{name}");
    }
}

/// Texts that a name service or a URL takes for an IPv4 address.
fn spelled_v4(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let whole = address.to_bits();
    let low = whole & 0x00ff_ffff;
    vec![
        address.to_string(),
        format!("{address}."),
        whole.to_string(),
        format!("0x{whole:x}"),
        format!("0X{whole:08X}"),
        format!("0{whole:o}"),
        format!("{a}.{low}"),
        format!("0x{a:x}.0{b:o}.{}", u32::from(c) << 8 | u32::from(d)),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0x{a:02x}.0x{b:02x}.0x{c:02x}.0x{d:02x}"),
    ]
}

/// IPv6 addresses that lead to an IPv4 address.
fn wrapped_v6(address: Ipv4Addr) -> Vec<Ipv6Addr> {
    let v4 = address.to_bits();
    let [high, low] = [(v4 >> 16) as u16, (v4 & 0xffff) as u16];
    vec![
        address.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0x7, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, high, low >> 8, low << 8, 0, 0),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0, !high, !low),
        Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0x5efe, high, low),
    ]
}

fn long_v6(address: Ipv6Addr) -> String {
    address.segments().map(|segment| format!("{segment:04X}")).join(":")
}

#[test]
fn what_the_address_type_parses_is_what_was_meant() {
    assert_eq!(HostName::parse("127.1"), Some(HostName::Address(IpAddr::V4(Ipv4Addr::LOCALHOST))));
    assert_eq!(HostName::parse("[::1]"), Some(HostName::Address(IpAddr::V6(Ipv6Addr::LOCALHOST))));
    assert_eq!(HostName::parse("Db_1.Corp."), Some(HostName::Name("db_1.corp".to_owned())));
    assert_eq!(HostName::parse("ｌocalhost"), Some(HostName::Name("localhost".to_owned())));
    for wrong in ["", ".", "a b", "a/b", "1.2.3.4.5.6:7", "300.1.1.1.", "@"] {
        assert_eq!(
            HostName::parse(wrong).filter(|host| !matches!(host, HostName::Name(_))),
            None,
            "{wrong:?}"
        );
    }
}
