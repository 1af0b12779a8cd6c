// Money: what bills now and by which machine, how long the credit lasts, and what was spent by day
// where the server tells.

const DAY_H = 24;

function sum(name, value, more) {
  return make("div", { class: "sum" }, make("p", { class: "muted" }, name), make("p", {}, value), more ? make("p", { class: "muted" }, more) : null);
}

// When the credit ends at this rate, if nothing changes.
function endOf(hours) {
  if (!isNumber(hours)) return null;
  const end = new Date(Date.now() + hours * 3_600_000);
  if (hours > 24 * 365) return "more than a year";
  return `about ${end.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}${hours < 72 ? `, ${end.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}` : ""}`;
}

function takeAccount(account) {
  const now = account.total_usd_per_hour;
  byId("summary").textContent = `${account.sandbox ? "Sandbox, no money moves. " : ""}Traffic is in no rate.`;
  const stopped = account.if_all_stopped_usd_per_hour;
  const lasts = isNumber(account.hours_left) ? lasting(account.hours_left * 3600) : (now === 0 ? "nothing bills" : "not known");
  byId("top").replaceChildren(
    sum("Credit", isNumber(account.credit_usd) ? `$${figure(account.credit_usd, 2, 2)}` : "not known", account.auto_billing ? "a card is charged by itself" : "is all there is"),
    sum("Bills now", hourly(now), isNumber(now) && now ? `$${figure(now * DAY_H, 2, 2)} a day` : null),
    sum("Credit lasts", lasts, endOf(account.hours_left)),
    sum("With all stopped", hourly(stopped), "disks and volumes"));
  const said = warnings(account);
  if (account.auto_billing) said.push(note("", make("p", {}, account.auto_billing)));
  if (isNumber(account.starting_usd_per_hour)) said.push(note("", make("p", {}, `${hourly(account.starting_usd_per_hour)} more, once all that is asked to run does.`)));
  if (account.open_intents) said.push(note("warn", make("p", {}, `${account.open_intents} ${account.open_intents === 1 ? "rental is" : "rentals are"} in doubt: each may be a machine that bills.`)));
  byId("warnings").replaceChildren(...said);
}

// A table of shares: rows are [name, words, $/h]; what is not known stands as that.
function sharesOf(rows, total, caption, unit) {
  const largest = Math.max(0, ...rows.map(([, , value]) => (isNumber(value) ? value : 0)));
  return make("table", {},
    make("caption", { class: "unseen" }, caption),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, unit.first), make("td", { class: "share" }, make("span", { class: "unseen" }, "Share")), ...unit.columns.map((name) => make("th", { scope: "col", class: "num" }, name)))),
    make("tbody", {}, rows.map(([name, figures, value]) => make("tr", {},
      make("th", { scope: "row" }, name),
      make("td", { class: "share" }, gauge(largest ? (value || 0) / largest : 0)),
      figures.map((words) => make("td", { class: "num" }, words))))),
    total ? make("tfoot", {}, make("tr", {}, make("th", { scope: "row" }, "All"), make("td"), total.map((words) => make("td", { class: "num" }, words)))) : null);
}

const rates = (value) => [isNumber(value) ? dollars(value) : "not known", isNumber(value) ? `$${figure(value * DAY_H, 2, 2)}` : "–"];

function takeMachines(listed, account) {
  const rows = (listed.instances || []).map((machine) => [
    make("span", {}, machine.gpu || "Machine", make("span", { class: "muted" }, ` ${machine.instance_id}`), machine.state === "running" ? null : make("span", { class: "muted" }, ` ${machine.state}`)),
    rates(machine.usd_per_hour), machine.usd_per_hour]);
  rows.sort((one, other) => (other[2] || 0) - (one[2] || 0));
  const { volumes } = listed.of_which || {};
  if (volumes !== 0) rows.push(["Volumes", rates(volumes), volumes]);
  if (listed.more) rows.push([`${listed.more} more machines`, ["–", "–"], null]);
  byId("now").replaceChildren(rows.length
    ? sharesOf(rows, rates(account.total_usd_per_hour), "What bills now, the dearest first", { first: "Machine", columns: ["$/h", "$/day"] })
    : make("p", { class: "muted" }, "Nothing."));
}

// Of kinds alone, where the machines could not be listed.
function takeKinds(account) {
  const parts = account.of_which;
  if (!parts) return byId("now").replaceChildren(make("p", { class: "muted" }, "Not known."));
  const rows = [["Running", parts.running], ["Disks of stopped", parts.stopped_disks], ["Volumes", parts.volumes]]
    .map(([name, value]) => [name, rates(value), value]);
  return byId("now").replaceChildren(sharesOf(rows, rates(account.total_usd_per_hour), "What bills now by kind", { first: "Kind", columns: ["$/h", "$/day"] }));
}

function takeCosts(costs) {
  const spent = (value) => `$${figure(value, 2, 2)}`;
  const is = costs.spent_is === "estimate" ? " (estimate, without traffic)" : "";
  const days = everyDay(costs);
  byId("days-part").hidden = byId("spent-part").hidden = false;
  byId("days").replaceChildren(...(days.length ? daysOf(days, costs, is) : [make("p", { class: "muted" }, `Nothing from ${costs.first_day} to ${costs.last_day}, UTC${is}.`)]));
  const rows = (costs.rows || []).map((row) => [
    make("span", {}, row.volume_id ? `Volume ${row.volume_id}` : `Machine ${row.instance_id || "that is not known"}`, row.untrusted_label ? [" ", labelled(row.untrusted_label)] : null),
    [spent(row.usd)], row.usd]);
  if (costs.not_shown) rows.push([`${costs.not_shown.count} more`, [spent(costs.not_shown.usd)], costs.not_shown.usd]);
  byId("spent").replaceChildren(rows.length
    ? sharesOf(rows, isNumber(costs.spent_usd) ? [spent(costs.spent_usd)] : null, "What was spent, the dearest first", { first: "Of", columns: ["$"] })
    : make("p", { class: "muted" }, "Nothing."));
}

// Days from the first to the last, those of $0 too, which the answer leaves out.
function everyDay(costs) {
  const spent = new Map((costs.by_day || []).map((day) => [day.day, day.usd]));
  if (!spent.size) return [];
  const days = [];
  const end = Date.parse(costs.last_day);
  for (let at = Date.parse(costs.first_day); at <= end && days.length < 400; at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    days.push({ day, usd: spent.get(day) || 0 });
  }
  return days;
}

function daysOf(days, costs, is) {
  const most = Math.max(...days.map((day) => day.usd));
  const words = days.map((day) => `${day.day}: $${figure(day.usd, 2, 2)}`);
  const bars = days.map((day, number) => {
    const bar = make("i", { title: words[number] });
    bar.style.setProperty("height", `${most > 0 ? Math.max(2, (day.usd / most) * 100) : 2}%`);
    return bar;
  });
  return [
    make("div", { class: "columns", role: "img", "aria-label": words.join("; ") }, bars),
    make("p", { class: "under", "aria-hidden": "true" }, make("span", {}, days[0].day), make("span", {}, days[days.length - 1].day)),
    make("p", { class: "muted" }, `$${figure(costs.spent_usd, 2, 2)} from ${costs.first_day} to ${costs.last_day}, UTC; most on a day $${figure(most, 2, 2)}${is}`),
  ];
}

async function show(account) {
  takeAccount(account);
  takeKinds(account);
  say("Reading what bills…");
  try {
    takeMachines(await callTool("show_instances", {}), account);
  } catch {
    // The kinds stay.
  }
  try {
    takeCosts(await callTool("show_costs", { limit: 20 }));
  } catch {
    // A server without that tool, or an account that does not tell: the rates are shown.
  }
  say(`As of ${clock(new Date())}.`);
}

begin({ name: "money", tool: "show_account", show: (answer) => { show(answer); } });
