//! The story of the operator, step by step: a Kubernetes API, the manifests applied with kubectl, and what people see.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use workbench::Failure;
use workbench::admin::Admin;
use workbench::control_plane::{self, ControlPlane};
use workbench::programs::{self, heading, say};
use workbench::sandbox::Sandbox;
use workbench::watched::{End, Watched};

use super::manifests::{self, NEWSLETTER, TEXTS};
use super::shell::Shell;
use super::stage::Stage;
use super::story::expect;
use super::table::{Difference, Rows, Table};
use super::{Cluster, compare};

/// The Destination of the quickstart.
const DESTINATION: &str = "users-to-braze";
/// Longest wait for anything that the operator does.
const PATIENCE: Duration = Duration::from_secs(180);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// Tells the story.
///
/// # Errors
/// When anything is not as announced.
pub(crate) fn tell(play: &Cluster) -> Result<(), Failure> {
    for program in ["grouparoo", "braze-sandbox"] {
        programs::find(program)?;
    }
    let stage = Stage::new(play.keep, false)?;
    let folder = stage.folder();
    let shell = Shell::new(folder, &play.programs)?;
    let kubeconfig = shell.kubeconfig();
    say("Each line with a $ is a command that you could type; first, where all this happens:");
    let path = format!("{}:{}", programs::folder()?.display(), play.programs.display());
    programs::show(&format!("export PATH={path}:$PATH"));
    programs::show(&format!("cd {}", folder.display()));
    programs::show(&format!("export KUBECONFIG=$PWD/{}", Shell::KUBECONFIG));

    heading(1, "A Kubernetes API: etcd and kube-apiserver, without nodes; any cluster of yours does as well");
    let plane = ControlPlane::start(&play.programs, &folder.join("kubernetes"), &kubeconfig)?;
    let api = plane.url().to_owned();
    stage.hold_control_plane(plane);
    say(&format!("Kubernetes API at {api}"));

    heading(2, "The kinds: BrazeApp, Source, Model, Destination, SyncRun");
    shell.run("grouparoo crds | kubectl apply --server-side -f -")?;
    shell.run("kubectl wait --for=condition=Established crd --all")?;

    heading(3, "A customer table: a file below the operator's data root, in the folder of the namespace");
    let table = Table::Sqlite(folder.join("data/default/crm/customers.db"));
    let people = play.people;
    shell.run(&format!("grouparoo-demo data --sqlite data/default/crm/customers.db --people {people}"))?;

    heading(4, "A Braze to send to: the sandbox, a local one that behaves like Braze");
    let groups = [format!("{NEWSLETTER}=Newsletter:email"), format!("{TEXTS}=Texts:sms")];
    let line =
        Sandbox::line(&["--group", &groups[0], "--group", &groups[1]], folder).with("RUST_LOG", "warn");
    programs::show(&format!("{} &", line.shown()));
    let sandbox = Sandbox::start(&line)?;
    let (url, admin) = (sandbox.url(), sandbox.admin());
    stage.hold_sandbox(sandbox);
    say(&format!("Braze sandbox at {url}"));

    heading(5, "The operator, beside the cluster. In one it is a Deployment with the same flags");
    let [port] = control_plane::free_ports()?;
    let host = url.trim_start_matches("http://");
    let operator = format!(
        "grouparoo operator --state state --data-root data --allowed-host {host} --http 127.0.0.1:{port} \
         --log-format text"
    );
    programs::show(&format!("{operator} > operator.log 2>&1 &"));
    let command = shell.command(&format!("exec {operator}"));
    stage.hold_operator(Watched::start(&command, End::Killed, &folder.join("operator.log"))?);

    let scene = Scene { stage: &stage, shell, admin, table };
    manifests::write_overlay(&folder.join("quickstart"), &url)?;
    scene.first_sync()?;
    let rows = scene.a_day_on_request()?;
    let rows = scene.a_pause(&rows)?;
    scene.a_loss(&rows)?;
    if play.keep {
        look_around(folder, &path, &url);
        stage.wait();
    }
    Ok(())
}

fn look_around(folder: &Path, path: &str, url: &str) {
    say("\nAll of it stays until Ctrl-C, which ends it and removes the folder. In another terminal:");
    programs::show(&format!("export PATH={path}:$PATH"));
    programs::show(&format!("cd {} && export KUBECONFIG=$PWD/{}", folder.display(), Shell::KUBECONFIG));
    programs::show("kubectl get grouparoo");
    programs::show(&format!("kubectl describe destination {DESTINATION}"));
    programs::show("kubectl explain destination.spec.deletionGuard");
    programs::show("grouparoo-demo changes --sqlite data/default/crm/customers.db");
    programs::show(&request());
    programs::show("tail -f operator.log");
    say(&format!("The sandbox's page: {url}/"));
}

/// The command that asks for a run now.
fn request() -> String {
    format!(
        "kubectl annotate destination {DESTINATION} grouparoo.io/requested-at=\"$(date +%s)\" --overwrite"
    )
}

/// What the steps share.
struct Scene<'a> {
    stage: &'a Stage,
    shell: Shell,
    admin: Admin,
    table: Table,
}

impl Scene<'_> {
    fn first_sync(&self) -> Result<(), Failure> {
        heading(6, "The manifests, applied: the Destination is new, so its first run starts by itself");
        self.described()?;
        let known = self.runs()?;
        self.shell.run("kubectl apply -k quickstart/overlays/laptop")?;
        self.until(|_| self.runs().is_ok_and(|runs| !runs.is_subset(&known)))?;
        self.shell.run("kubectl get destinations,syncruns")?;
        self.watch("syncruns", &known, "SyncSucceeded")?;
        self.shell.run("kubectl get destinations")?;
        say("What could not be sent, wrong on purpose: values, not people, so FAILED is 0:");
        let errors = "{range .status.errors[*]}{.count}{\"\\t\"}{.field}{\"\\t\"}{.hint}{\"\\n\"}{end}";
        self.shell.run(&format!("kubectl get destination {DESTINATION} -o jsonpath='{errors}'"))?;
        say("");
        self.shell.run("kubectl get brazeapps,sources,models")?;
        self.equal(&self.table.rows()?)
    }

    fn a_day_on_request(&self) -> Result<Rows, Failure> {
        heading(7, "A day passes. The schedule says every 15 minutes; a run can be asked for at any time");
        let before = self.table.rows()?;
        self.change()?;
        let known = self.runs()?;
        self.request()?;
        self.watch("destinations", &known, "SyncSucceeded")?;
        let after = self.table.rows()?;
        say(&format!("{}.", Difference::between(&before, &after)));
        self.equal(&after)?;
        Ok(after)
    }

    fn a_pause(&self, before: &Rows) -> Result<Rows, Failure> {
        heading(8, "A pause: a suspended Destination sends nothing, whatever is asked of it");
        self.suspend(true)?;
        self.change()?;
        let (known, sent) = (self.runs()?, self.admin.totals()?.accepted);
        self.request()?;
        let token = |object: &Value| {
            let asked = &object["metadata"]["annotations"]["grouparoo.io/requested-at"];
            *asked == object["status"]["lastHandledRequestAt"] && ready(object) == "Suspended"
        };
        self.until(token)?;
        self.shell.run("kubectl get destinations")?;
        let what = "reason=TriggerIgnoredSuspended";
        self.event(what)?;
        self.shell.run(&format!(
            "kubectl get events --field-selector {what} -o custom-columns=REASON:.reason,NOTE:.message"
        ))?;
        expect(self.runs()? == known, "a suspended Destination ran")?;
        expect(self.admin.totals()?.accepted == sent, "a suspended Destination sent something")?;
        compare::with_braze(self.admin, before, None)?;
        say("Braze received nothing. Resumed and asked again:");
        self.suspend(false)?;
        self.request()?;
        self.watch("destinations", &known, "SyncSucceeded")?;
        let after = self.table.rows()?;
        self.equal(&after)?;
        Ok(after)
    }

    fn a_loss(&self, before: &Rows) -> Result<(), Failure> {
        heading(9, "A fifth of the table is gone. Was that meant? A removal that large waits for a person");
        self.shell.run("grouparoo-demo loss --sqlite data/default/crm/customers.db")?;
        let known = self.runs()?;
        self.request()?;
        let guarded = self.watch("destinations", &known, "DeletionGuard")?;
        compare::with_braze(self.admin, before, None)?;
        say(&format!("Braze still holds all {} users. Why, and what an approval would do:", before.len()));
        let why = "{.status.conditions[?(@.type==\"Ready\")].message}";
        let question = "{.status.pendingApprovals[*].message}";
        self.shell.run(&format!(
            "kubectl get destination {DESTINATION} -o jsonpath='{why}{{\"\\n\"}}{question}{{\"\\n\"}}'"
        ))?;
        let after = self.table.rows()?;
        let pending = &guarded["status"]["pendingApprovals"][0];
        let lost = (before.len() - after.len()) as u64;
        expect(pending["removals"] == lost, &format!("the question is not about {lost} users"))?;

        heading(10, "It was meant: the token approves exactly these, and starts a run");
        let known = self.runs()?;
        let token = "{.status.pendingApprovals[0].token}";
        self.shell.run(&format!(
            "kubectl annotate destination {DESTINATION} --overwrite \\\n    grouparoo.io/approve=\
             \"$(kubectl get destination {DESTINATION} -o jsonpath='{token}')\""
        ))?;
        self.watch("destinations", &known, "SyncSucceeded")?;
        self.equal(&after)?;
        say("All as announced: nothing was removed unasked, and Braze equals the table.");
        Ok(())
    }

    /// Asks for a run. The token is the second, so that two requests need two of them.
    fn request(&self) -> Result<(), Failure> {
        let token = "{.metadata.annotations.grouparoo\\.io/requested-at}";
        let asked =
            self.shell.ask(&format!("kubectl get destination {DESTINATION} -o jsonpath='{token}'"))?;
        while self.shell.ask("date +%s")?.trim() == asked {
            std::thread::sleep(PAUSE);
        }
        self.shell.run(&request())
    }

    fn change(&self) -> Result<(), Failure> {
        self.shell.run("grouparoo-demo changes --sqlite data/default/crm/customers.db")
    }

    fn suspend(&self, suspend: bool) -> Result<(), Failure> {
        let patch = format!("{{\"spec\":{{\"suspend\":{suspend}}}}}");
        self.shell.run(&format!("kubectl patch destination {DESTINATION} --type=merge -p '{patch}'"))?;
        self.until(|object| {
            let seen = object["metadata"]["generation"] == object["status"]["observedGeneration"];
            seen && (ready(object) == "Suspended") == suspend
        })
        .map(|_| ())
    }

    /// Braze holds what the table says.
    fn equal(&self, rows: &Rows) -> Result<(), Failure> {
        compare::with_braze(self.admin, rows, None)?;
        say(&format!(
            "Looked at from outside: Braze holds {} users, and they are as the table says.",
            rows.len()
        ));
        Ok(())
    }

    /// Names of all runs.
    fn runs(&self) -> Result<BTreeSet<String>, Failure> {
        let runs = self.shell.object("syncruns")?;
        Ok(runs["items"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|run| self.named(&run["metadata"]))
            .collect())
    }

    fn named(&self, named: &Value) -> Option<String> {
        named["name"].as_str().map(str::to_owned)
    }

    /// Shows what a reader would watch, until all that was asked for is done and a run came after the known ones; gives
    /// the Destination. Ready must then be for this reason.
    fn watch(&self, what: &str, known: &BTreeSet<String>, reason: &str) -> Result<Value, Failure> {
        let watching = Watching::start(&self.shell, what)?;
        let object = self.until(|object| {
            let (status, annotations) = (&object["status"], &object["metadata"]["annotations"]);
            let new = self.named(&status["lastRun"]).is_some_and(|name| !known.contains(&name));
            let heard = annotations["grouparoo.io/requested-at"] == status["lastHandledRequestAt"]
                && annotations["grouparoo.io/approve"] == status["lastHandledApproval"];
            new && heard && status["activeRun"].is_null() && self.all_ended()
        })?;
        // What was seen here is on its way to the reader too.
        std::thread::sleep(PAUSE);
        drop(watching);
        let found = ready(&object);
        expect(found == reason, &format!("{DESTINATION} is {found}, not {reason}"))?;
        Ok(object)
    }

    /// Whether no run waits or goes on: the schedule may have made one beside ours.
    fn all_ended(&self) -> bool {
        let runs = self.shell.object("syncruns").unwrap_or_default();
        runs["items"]
            .as_array()
            .is_some_and(|all| all.iter().all(|run| run["status"]["completionTime"].is_string()))
    }

    /// Waits until the Destination is as wanted.
    fn until(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let start = Instant::now();
        loop {
            let object = self.shell.object(&format!("destination {DESTINATION}"))?;
            if wanted(&object) {
                return Ok(object);
            }
            self.patient(start, &format!("{DESTINATION} stays {}", ready(&object)))?;
        }
    }

    /// Waits until there is such an event: it is sent beside the status.
    fn event(&self, what: &str) -> Result<(), Failure> {
        let start = Instant::now();
        while self.shell.object(&format!("events --field-selector {what}"))?["items"][0].is_null() {
            self.patient(start, &format!("there is no event with {what}"))?;
        }
        Ok(())
    }

    /// Waits until kubectl can read about the kinds: their description follows a moment after they are established.
    fn described(&self) -> Result<(), Failure> {
        let start = Instant::now();
        let line = "kubectl get --raw /openapi/v3/apis/grouparoo.io/v1alpha1";
        let kinds = ["brazeapps", "sources", "models", "destinations", "syncruns"];
        while !self
            .shell
            .ask(line)
            .is_ok_and(|text| kinds.iter().all(|it| text.contains(&format!("/{it}/{{"))))
        {
            self.patient(start, "the kinds are not described")?;
        }
        Ok(())
    }

    /// A pause between two looks, unless it is over.
    fn patient(&self, start: Instant, otherwise: &str) -> Result<(), Failure> {
        if let Some(words) = self.stage.operator_failed() {
            return Err(Failure::Unexpected(format!("the operator ended:\n{words}")));
        }
        expect(start.elapsed() < PATIENCE, otherwise)?;
        std::thread::sleep(PAUSE);
        Ok(())
    }
}

/// Reason of the Ready condition.
fn ready(object: &Value) -> &str {
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|it| it["type"] == "Ready");
    ready.and_then(|it| it["reason"].as_str()).unwrap_or("not looked at yet")
}

/// A `kubectl get --watch` that shows each change, until this is dropped.
struct Watching(Child);

impl Watching {
    fn start(shell: &Shell, what: &str) -> Result<Self, Failure> {
        let line = format!("kubectl get {what} --watch");
        programs::show(&line);
        let child = shell.command(&format!("exec {line}")).stdin(Stdio::null()).spawn();
        Ok(Self(child.map_err(|error| Failure::Program("kubectl".to_owned(), error))?))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
