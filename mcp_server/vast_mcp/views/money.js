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
    sum("Credit", cents(account.credit_usd), [isNumber(account.prepaid_usd) ? `${cents(account.prepaid_usd)} more is paid ahead` : "", account.auto_billing ? "a card is charged by itself" : "is all there is"].filter(Boolean).join(", ")),
    sum("Bills now", hourly(now), isNumber(now) && now ? `${cents(now * DAY_H)} a day` : null),
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
    total ? make("tfoot", {}, make("tr", {}, make("th", { scope: "row" }, "All"), make("td", { class: "share" }), total.map((words) => make("td", { class: "num" }, words)))) : null);
}

const rates = (value) => [isNumber(value) ? dollars(value) : "not known", isNumber(value) ? cents(value * DAY_H) : "–"];

function takeMachines(listed, account) {
  if (!Array.isArray(listed.instances)) throw new Refusal({ code: "no_answer", message: "The answer lists no machines." });
  const rows = listed.instances.map((machine) => [
    make("span", {}, (machine.gpu || "Machine").replace(/^(\d+)x /, "$1× "), " ", make("span", { class: "muted id" }, `${machine.instance_id}${machine.state === "running" ? "" : ` ${machine.state}`}`)),
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

const KINDS = [["gpu_usd", "GPUs"], ["disk_usd", "Disks"], ["traffic_usd", "Traffic"], ["volume_usd", "Volumes"], ["other_usd", "Other"]];

function takeCosts(costs) {
  const is = costs.spent_is === "estimate" ? " (estimate, without traffic)" : "";
  const days = everyDay(costs);
  const all = isNumber(costs.spent_usd) ? [cents(costs.spent_usd)] : null;
  const columns = ["$"];
  byId("days").replaceChildren(...(days.length ? daysOf(days, costs, is) : [make("p", { class: "muted" }, `Nothing from ${costs.first_day} to ${costs.last_day}, UTC${is}.`)]));
  const rows = (costs.rows || []).map((row) => [spenderOf(row), [cents(row.usd)], row.usd]);
  if (costs.not_shown) rows.push([`${costs.not_shown.count} more`, [cents(costs.not_shown.usd)], costs.not_shown.usd]);
  byId("spent").replaceChildren(rows.length
    ? sharesOf(rows, all, "What was spent, the dearest first", { first: "Of", columns })
    : make("p", { class: "muted" }, "Nothing."));
  const kinds = KINDS.filter(([key]) => Math.abs((costs.of_which || {})[key]) >= 0.005) // what comes to no cent has no line
    .map(([key, name]) => [name, [cents(costs.of_which[key])], costs.of_which[key]]);
  byId("kinds").replaceChildren(...(kinds.length ? [sharesOf(kinds, all, "What was spent, by kind", { first: "Kind", columns })] : []));
  const came = (costs.payments || []).map((one) => `${one.kind} ${cents(one.usd)}`);
  byId("came").textContent = came.length ? `Paid in the same days: ${came.join(", ")}.` : "";
  byId("costs-said").replaceChildren(...warnings(costs));
}

// Whose a row is, and of which days where those are fewer than all.
function spenderOf(row) {
  const name = row.volume_id ? `Volume ${row.volume_id}` : row.instance_id ? `Machine ${row.instance_id}` : String(row.source || "Not known whose");
  const days = row.first_day ? `${row.first_day.slice(5)}${row.last_day && row.last_day !== row.first_day ? ` to ${row.last_day.slice(5)}` : ""}` : "";
  return make("span", {}, make("span", { class: "id" }, name), " ", make("span", { class: "muted id" }, days), row.untrusted_label ? [" ", labelled(row.untrusted_label)] : null);
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
  const words = days.map((day) => `${day.day}: ${cents(day.usd)}`);
  const bars = days.map((day, number) => {
    const bar = make("i", { title: words[number] });
    bar.style.setProperty("height", `${most > 0 ? Math.max(2, (day.usd / most) * 100) : 2}%`);
    return bar;
  });
  return [
    make("div", { class: "columns", role: "img", "aria-label": words.join("; ") }, bars),
    make("p", { class: "under", "aria-hidden": "true" }, make("span", {}, days[0].day), make("span", {}, days[days.length - 1].day)),
    make("p", { class: "muted" }, `${cents(costs.spent_usd)} from ${costs.first_day} to ${costs.last_day}, UTC; most on a day ${cents(most)}${is}`),
  ];
}

// ── limits ─────────────────────────────────────────────────────────────────────────────────────

// Each limit that the person set, and how much of it is taken.
function takeLimits(told) {
  const rows = Array.isArray(told.limits) ? told.limits : [];
  byId("limits").replaceChildren(...(rows.length
    ? rows.map(limitOf)
    : [make("p", { class: "muted" }, "None is set: nothing bounds what machines may cost together.")]),
    ...warnings(told), ...(told.asks || []).map((words) => make("p", { class: "muted" }, String(words))));
}

const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);

function limitOf(limit) {
  const one = (value) => (limit.unit === "$/h" ? hourly(value) : `${figure(value, 1)}${limit.unit ? ` ${limit.unit}` : ""}`);
  const most = limit.at_least ? `at least ${one(limit.limit)}` : `at most ${one(limit.limit)}`;
  const now = limit.counts === false ? "" : isNumber(limit.now) ? `${one(limit.now)}, ` : "not known, ";
  const share = isNumber(limit.now) ? (limit.at_least ? limit.limit / limit.now : limit.now / limit.limit) : null;
  return make("div", { class: "limit" },
    make("p", {}, make("span", {}, capital(String(limit.says))), make("span", { class: share > 1 ? "bad" : "" }, `${now}${most}`)),
    share === null ? null : gauge(share));
}

// ── reading ────────────────────────────────────────────────────────────────────────────────────

// What could not be read is said in its place, and is not nothing.
async function readLimits() {
  try {
    takeLimits(await readResource("vast://limits"));
  } catch (error) {
    byId("limits").replaceChildren(failure(error));
  }
}

async function readAll() {
  say("Reading what bills…");
  let account;
  try {
    account = await callTool("show_account", {});
    takeAccount(account);
    byId("failure").replaceChildren();
    saidOf(new Date());
  } catch (error) {
    showFailure(error);
    return;
  }
  takeKinds(account);
  try {
    takeMachines(await callTool("show_instances", {}), account);
  } catch {
    // The kinds stay.
  }
  await readLimits();
  await readCosts();
  say("");
}

let costsAsked = 0;

// Of two periods that were chosen the later counts, and no figure of another stays beside it.
async function readCosts() {
  costsAsked += 1;
  const mine = costsAsked;
  let costs;
  let failed = null;
  try {
    costs = await callTool("show_costs", { period: byId("period").value, limit: 20 });
  } catch (error) {
    failed = error;
  }
  if (mine !== costsAsked) return;
  for (const place of ["costs-said", "spent", "kinds", "came"]) byId(place).replaceChildren();
  if (failed) byId("days").replaceChildren(failure(failed));
  else takeCosts(costs);
}

byId("period").addEventListener("change", readCosts);
byId("refresh").append(button("Refresh", () => readAll()));

// What the host hands over may be of an older day: it is read anew at once.
begin({ name: "money", tool: "show_account", show: (answer) => { takeAccount(answer); takeKinds(answer); return readAll(); } });
