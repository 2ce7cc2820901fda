//! The story, step by step.

use std::path::Path;

use serde_json::json;
use workbench::Failure;
use workbench::admin::{Admin, Totals};
use workbench::programs::{self, Line, heading, say};
use workbench::sandbox::Sandbox;

use super::chosen::{self, Chosen};
use super::manifests::{self, NEWSLETTER, TEXTS};
use super::stage::Stage;
use super::table::{Difference, Rows, Table};
use super::{Play, compare};

/// Exit codes of a run that delivered everything: 10 tells that some values could not be sent.
const DELIVERED: [i32; 2] = [0, 10];

/// Most requests that a day's changes may cost: 297 objects, the leaves of the newsletter, and the reads that come
/// before joins, each of 50 addresses or more.
const FEW: u64 = 60;

/// Tells the story.
///
/// # Errors
/// When anything is not as announced.
pub(crate) fn tell(play: &Play) -> Result<(), Failure> {
    for program in ["grouparoo", "braze-sandbox"] {
        programs::find(program)?;
    }
    let stage = Stage::new(play.keep, play.keep)?;
    let folder = stage.folder();
    introduce(folder)?;

    let (table, reader) = if play.postgres {
        let (owner, reader) = stage.database()?;
        (Table::Postgres(owner), Some(reader))
    } else {
        (Table::Sqlite(folder.join("crm/customers.db")), None)
    };
    let scene = Scene { folder, table, people: play.people };

    heading(1, "A customer table");
    scene.run_data("data")?;
    let before = scene.table.rows()?;
    expect(before.len() == play.people as usize, "the table has another number of rows")?;

    heading(2, "A Braze to send to: the sandbox, a local one that behaves like Braze");
    let groups = [format!("{NEWSLETTER}=Newsletter:email"), format!("{TEXTS}=Texts:sms")];
    let line =
        Sandbox::line(&["--group", &groups[0], "--group", &groups[1]], folder).with("RUST_LOG", "warn");
    programs::show(&format!("{} &", line.shown()));
    let sandbox = Sandbox::start(&line)?;
    let (url, admin) = (sandbox.url(), sandbox.admin());
    stage.hold_sandbox(sandbox);
    say(&format!("Braze sandbox at {url}"));

    heading(3, "Four manifests: where to send, where from, what a record is, what to send");
    manifests::write(folder, &url, reader.as_ref())?;
    let system = if play.postgres { "postgres" } else { "sqlite" };
    say(&format!("Those of examples/quickstart/{system}, with the addresses of this demo filled in:"));
    say("braze-app.yaml  source.yaml  model.yaml  destination.yaml");

    heading(4, "Is everything right? Fields, columns, types, expressions, the key's permissions");
    scene.run(&["validate", "-f", "."], &[0])?;

    heading(5, "What would be sent? Nothing is sent yet");
    scene.run(&["plan", "-f", ".", "--state", "state"], &DELIVERED)?;
    expect(admin.users()? == 0, "a plan sent something")?;

    heading(6, "The first sync sends everybody");
    let first = scene.sync(admin)?;
    compare::with_braze(admin, &before, None)?;
    say(&format!(
        "Braze now holds {} users, as the table does; it took {} requests and {} data points.",
        before.len(),
        first.requests,
        first.data_points
    ));

    heading(7, "The same again: nothing changed, so nothing is sent");
    let second = scene.sync(admin)?;
    expect(second.requests == 0, &format!("an unchanged sync made {} requests", second.requests))?;
    say("Braze received no request at all.");

    heading(8, "A day passes");
    scene.run_data("changes")?;
    let after = scene.table.rows()?;
    let difference = Difference::between(&before, &after);
    let chosen = chosen::choose(admin, &before, &after)?;
    opt_out(&url, admin, &chosen[0])?;

    heading(9, "What would be sent now?");
    scene.run(&["plan", "-f", ".", "--state", "state"], &DELIVERED)?;

    heading(10, "The second sync sends the differences, attribute by attribute");
    let third = scene.sync(admin)?;
    compare::with_braze(admin, &after, Some(&chosen[0].address))?;
    expect(third.requests <= FEW, &format!("{} requests for a day's changes", third.requests))?;
    let objects = (difference.new + difference.changed + difference.deleted) as u64;
    expect(third.accepted >= objects, &format!("{} objects for {objects} changed people", third.accepted))?;
    say(&format!(
        "{difference}. It took {} requests and {} data points, and Braze holds what the table says.",
        third.requests, third.data_points
    ));

    heading(11, "Three people, as Braze holds them");
    for person in &chosen {
        say(&format!("{}\n", person.table(admin)?));
    }
    ended_as_told(admin, &chosen, &after)?;
    say("All as announced: who opted out stays out, and the rest of Braze equals the table.");
    if play.keep {
        say(&format!(
            "\nThe sandbox's page: {url}/\nThe folder, which stays: {}\nCtrl-C ends the sandbox.",
            folder.display()
        ));
        stage.wait();
    }
    Ok(())
}

/// What the steps share.
struct Scene<'a> {
    folder: &'a Path,
    table: Table,
    people: u32,
}

impl Scene<'_> {
    /// Runs `grouparoo`; its exit code must be one of these.
    fn run(&self, arguments: &[&str], codes: &[i32]) -> Result<(), Failure> {
        let line = Line::new("grouparoo", arguments, self.folder);
        let code = line.run()?;
        expect(codes.contains(&code), &format!("exit code {code} of {}", line.shown()))
    }

    /// Runs a sync, and gives what the sandbox saw of it.
    fn sync(&self, admin: Admin) -> Result<Totals, Failure> {
        let before = admin.totals()?;
        self.run(&["sync", "-f", ".", "--state", "state"], &DELIVERED)?;
        let after = admin.totals()?;
        expect(after.refused == before.refused, "Braze refused something")?;
        Ok(Totals {
            requests: after.requests - before.requests,
            accepted: after.accepted - before.accepted,
            refused: 0,
            data_points: after.data_points - before.data_points,
        })
    }

    /// Makes or changes the table, by the command that a reader would type.
    fn run_data(&self, order: &str) -> Result<(), Failure> {
        let people = self.people.to_string();
        let mut arguments = vec![order];
        let line = match &self.table {
            Table::Sqlite(_) => {
                arguments.extend(["--sqlite", "crm/customers.db", "--people", &people]);
                Line::new("grouparoo-demo", &arguments, self.folder)
            }
            Table::Postgres(login) => {
                arguments.extend(["--postgres", "--people", &people]);
                say(&format!("(CRM_URL is the URL of the database, {login}, with its password)"));
                Line::new("grouparoo-demo", &arguments, self.folder).with("CRM_URL", &login.url())
            }
        };
        let code = line.run()?;
        expect(code == 0, &format!("exit code {code} of {}", line.shown()))
    }
}

fn introduce(folder: &Path) -> Result<(), Failure> {
    say("Each line with a $ is a command that you could type; first, where all this happens:");
    programs::show(&format!("export PATH={}:$PATH", programs::folder()?.display()));
    programs::show(&format!("cd {}", folder.display()));
    Ok(())
}

/// The first of the chosen leaves the newsletter in Braze, as by the link in a mail.
fn opt_out(url: &str, admin: Admin, person: &Chosen) -> Result<(), Failure> {
    let body = json!({"group": NEWSLETTER, "address": person.address});
    say(&format!("\nMeanwhile user {} unsubscribes from the newsletter, in Braze:", person.id));
    programs::show(&format!("curl -d '{body}' -H 'Content-Type: application/json' {url}/admin/opt-out"));
    admin.post("/admin/opt-out", &body).map(|_| ())
}

fn ended_as_told(admin: Admin, [left, joined, gone]: &[Chosen; 3], after: &Rows) -> Result<(), Failure> {
    let wants = after.get(&left.id).is_some_and(|row| row.newsletter == Some(true));
    let out = left.newsletter(admin)?.as_deref() == Some("unsubscribed, by the person");
    expect(wants && out, "the opt-out did not last")?;
    expect(joined.newsletter(admin)?.as_deref() == Some("subscribed"), "a join did not arrive")?;
    expect(gone.newsletter(admin)?.is_none(), "a deleted user is still there")
}

pub(crate) fn expect(holds: bool, otherwise: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Unexpected(otherwise.to_owned())) }
}
