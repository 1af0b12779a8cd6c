// Machines: a card each, what it bills and how to get in, and its end after a second look. The page
// reads anew at the service's pace while it is seen, and rests when it is not.

const DETAILS = 12; // machines that are read one by one, the newest first
const SOON_MS = 10_000; // between rounds while something starts, as a wait of the server's
const LATER_MS = 30_000;
const RESTS_AFTER_MS = 30 * 60_000; // with nobody at it

const cards = new Map(); // by instance_id
const pace = { timer: 0, now: null, again: false, refused: false, restMs: 0, last: 0, seen: true, touched: Date.now(), starting: false };

const titleOf = (machine) => (machine.gpu || "Machine").replace(/^(\d+)x /, "$1× ");
const STATES = { running: "Running", starting: "Starting", stopped: "Stopped", failed: "Failed" };
const PHASES = new Map(Object.entries({
  secrets: "its secrets are wanting", volume: "its volume does not come", vm: "the VM does not come up",
  driver_too_old: "the host's driver is too old", host_gpu: "the host's GPU fails", disk_full: "the host's disk is full",
  pull_limit: "the registry refuses more pulls", image: "the image cannot be had", image_login: "the registry wants a login",
  host_docker: "the host's Docker fails", oci_error: "its command cannot start", host_network: "the host does not reach the registry",
  missing: "Vast does not show it now", halted: "it halted", frozen: "it is frozen", outbid: "somebody bids more",
  offline: "its host is offline", scheduling: "it waits for its GPU", exited: "its container has ended",
}));

// ── a card ─────────────────────────────────────────────────────────────────────────────────────

function cardOf(machine) {
  const id = machine.instance_id;
  const parts = {
    head: make("div"), body: make("div", { class: "body" }), ways: make("details", { hidden: true }),
    acts: make("div", { class: "bar" }), look: make("div"),
  };
  const times = { looks: 0, tries: 0, acting: false, ended: false };
  const root = make("article", { class: "card", "aria-labelledby": `name-${id}`, "data-machine": id },
    parts.head, parts.body, parts.ways, parts.acts, parts.look);
  return { root, ...parts, ...times, machine, shown: {} };
}

// Draw a part of a card anew only where what it shows has changed, so that nobody's place is lost.
function redraw(card, part, facts, make_) {
  const now = JSON.stringify(facts);
  if (card.shown[part] === now) return;
  card.shown[part] = now;
  card[part].replaceChildren(...[make_()].flat(2).filter(Boolean));
}

function update(card, machine) {
  const before = card.machine;
  card.machine = machine;
  redraw(card, "head", [machine.state, machine.gpu, machine.untrusted_label, machine.ours, machine.untrusted_location], () => headOf(machine));
  redraw(card, "body", machine, () => bodyOf(machine));
  const access = machine.access || null;
  card.ways.hidden = !access;
  redraw(card, "ways", access, () => waysOf(access || {}));
  redraw(card, "acts", [machine.state, "lease_left_hours" in machine, Boolean(machine.price_increase)], () => actsOf(card));
  if (before.state !== machine.state) say(`Machine ${machine.instance_id}: ${STATES[machine.state] || machine.state}.`);
}

function headOf(machine) {
  const id = machine.instance_id;
  const label = machine.untrusted_label;
  return [
    make("header", {}, make("h2", { id: `name-${id}` }, titleOf(machine), make("span", { class: "unseen" }, ` ${id}`)),
      make("span", { class: `state ${machine.state}` }, STATES[machine.state] || "Not known")),
    make("div", { class: "sub" }, make("span", {}, String(id)),
      machine.untrusted_location ? strangers(machine.untrusted_location) : null,
      label ? labelled(label) : null,
      machine.ours === true ? null : make("span", {}, machine.ours === false ? "not made by vast-mcp" : "whose is not known")),
  ];
}

function bodyOf(machine) {
  return [
    phaseOf(machine),
    machine.price_increase ? note("warn", make("p", {}, `Its host asks for more: ${increaseOf(machine.price_increase)}.`)) : null,
    make("div", {}, facts([
      ["Bills now", hourly(machine.usd_per_hour)],
      ["While it runs", isNumber(machine.running_usd_per_hour) ? hourly(machine.running_usd_per_hour) : null],
      ["While stopped", isNumber(machine.stopped_usd_per_hour) ? hourly(machine.stopped_usd_per_hour) : null],
      ["Spent so far", isNumber(machine.spent_usd) ? spentOf(machine) : null],
      ["Age", isNumber(machine.age_hours) ? lasting(machine.age_hours * 3600) : null],
      ["Ends by itself", endOf(machine)],
      ["Paid ahead", isNumber(machine.prepaid_usd) ? cents(machine.prepaid_usd) : null],
    ])),
    isNumber(machine.gpu_util_percent) ? measure("GPU use, as Vast last heard", `${figure(machine.gpu_util_percent, 0)} %`, machine.gpu_util_percent / 100) : null,
    isNumber(machine.disk_used_gb) && isNumber(machine.disk_gb) ? measure("Disk", `${figure(machine.disk_used_gb)} of ${figure(machine.disk_gb)} GB`, machine.disk_used_gb / machine.disk_gb) : null,
    machine.untrusted_status && machine.state !== "running" ? make("p", { class: "muted" }, "It says: ", strangers(machine.untrusted_status)) : null,
  ];
}

const spentOf = (one) => `${one.spent_is === "at_most" ? "at most " : ""}${cents(one.spent_usd)}`;

// What a host asks for, in words: each price that rises, and from when.
function increaseOf(asked) {
  const rise = (from, to, words) => (isNumber(to) ? `${isNumber(from) ? `${hourly(from)} becomes ` : ""}${hourly(to)} ${words}` : null);
  const traffic = (prices) => (Array.isArray(prices) ? prices.map((price) => `$${figure(price, 2)}`).join(" and ") : null);
  const told = [
    rise(asked.from_usd_per_hour, asked.to_usd_per_hour, "while it runs"),
    rise(asked.from_stopped_usd_per_hour, asked.to_stopped_usd_per_hour, "while stopped"),
    traffic(asked.to_usd_per_tb) ? `traffic ${traffic(asked.from_usd_per_tb) || "not known"} becomes ${traffic(asked.to_usd_per_tb)} per TB` : null,
    asked.applies_at ? `not before ${moment(asked.applies_at)}` : null,
    asked.then_until ? `the contract then ends ${moment(asked.then_until)}` : null,
  ].filter(Boolean);
  return told.length ? told.join(", ") : "how much is not known";
}

function endOf(machine) {
  if (machine.past_lease) return make("span", { class: "bad" }, "past its end");
  if (!isNumber(machine.lease_left_hours)) return "never";
  return `in ${lasting(machine.lease_left_hours * 3600)}`;
}

function measure(name, words, share) {
  return make("div", { class: "measure" },
    make("p", {}, make("span", { class: "muted" }, name), make("span", {}, words)), gauge(share));
}

// A start against its usual time; what keeps a machine from running, in words.
function phaseOf(machine) {
  const words = PHASES.get(machine.phase);
  const why = words ? `${words[0].toUpperCase()}${words.slice(1)}` : null;
  const since = isNumber(machine.phase_for_s) ? `for ${lasting(machine.phase_for_s)}` : "";
  if (!isNumber(machine.usual_s)) {
    return why ? make("p", { class: machine.state === "failed" ? "bad" : "warn" }, [why, since].filter(Boolean).join(", ")) : null;
  }
  return measure(why || "Starting", `${since}, usually ${lasting(machine.usual_s)}`, (machine.phase_for_s || 0) / machine.usual_s);
}

function waysOf(access) {
  const lines = [["SSH", access.ssh], ["Upload", access.rsync || access.scp], ["Download", access.rsync_down || access.scp_down], ["Notebook", access.jupyter_url],
    ...Object.entries(access.ports || {}).map(([port, url]) => [`Port ${port}`, url])].filter(([, line]) => line);
  return [make("summary", {}, "Ways in"), ...lines.map(([name, line]) => wayOf(name, String(line)))];
}

function wayOf(name, line) {
  const field = make("input", { readonly: true, value: line, "aria-label": `${name} line` });
  const copy = button("Copy", async () => {
    const copied = await copyOf(field, line);
    say(copied ? `Copied: ${name}.` : "Selected: copy it with the keyboard.");
  }, { "aria-label": `Copy the ${name} line` });
  return make("div", { class: "way" }, make("span", { class: "muted" }, name), field, copy);
}

// Hosts often forbid the clipboard: then the line is selected, to be copied by hand.
async function copyOf(field, line) {
  try {
    await navigator.clipboard.writeText(line);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}

// ── acts, each after a second look ─────────────────────────────────────────────────────────────

function actsOf(card) {
  const { machine } = card;
  const act = (words, what, kind) => button(words, () => lookAgain(card, what), { class: kind, "aria-label": `${words}: machine ${machine.instance_id}` });
  const made = [];
  if (machine.state === "stopped") made.push(act("Start", START));
  else if (machine.state !== "failed") made.push(act("Stop", STOP));
  if (isNumber(machine.lease_left_hours)) made.push(act("Extend", EXTEND));
  if (machine.price_increase) made.push(act("Accept price", ACCEPT), act("Reject price", REJECT));
  made.push(act("Destroy", DESTROY, "end"));
  return made;
}

// Each: what it does in words, the button that does it, the call, and what its answer says was done;
// null where that does not say so.
const DESTROY = {
  kind: "end", doing: "Destroying",
  said: (machine) => `Machine ${machine.instance_id} ends and its disk${isNumber(machine.disk_gb) ? ` of ${figure(machine.disk_gb)} GB` : ""} is deleted for good.${isNumber(machine.disk_used_gb) ? ` ${figure(machine.disk_used_gb)} GB are in use.` : ""}${isNumber(machine.prepaid_usd) ? ` Of ${cents(machine.prepaid_usd)} paid ahead less comes back.` : ""} Volumes stay and bill.`,
  words: (machine) => `Destroy ${machine.instance_id} for good`,
  call: (machine) => ["destroy_instance", { instance_ids: [machine.instance_id] }],
  done: (answer, machine) => {
    const one = (answer.results || []).find((row) => String(row.instance_id) === String(machine.instance_id));
    if (!one || !["destroyed", "already_gone"].includes(one.outcome)) return null;
    return `Machine ${machine.instance_id} is gone${isNumber(one.spent_usd) ? `; it came to ${spentOf(one)}` : ""}.`;
  },
};
const STOP = {
  kind: "", doing: "Stopping",
  said: (machine) => `Machine ${machine.instance_id} stops. Its disk stays and bills ${hourly(machine.stopped_usd_per_hour)}; its GPU may be taken by others.`,
  words: (machine) => `Stop ${machine.instance_id}`,
  call: (machine) => ["manage_instance", { instance_id: machine.instance_id, action: "stop" }],
  done: (answer, machine) => `Machine ${machine.instance_id}: ${answer.seen === false ? "the stop is accepted and does not show yet" : "stopped"}; it bills ${hourly(answer.usd_per_hour)} now.`,
};
const START = {
  kind: "main", doing: "Starting",
  said: (machine) => `Machine ${machine.instance_id} starts, where its GPU is still free.`,
  words: (machine) => `Start for ${hourly(machine.running_usd_per_hour)}`,
  call: (machine) => ["manage_instance", { instance_id: machine.instance_id, action: "start" }],
  done: (answer, machine) => `Machine ${machine.instance_id}: the start is accepted; ${hourly(answer.running_usd_per_hour || answer.usd_per_hour)} while it runs.`,
};
const ACCEPT = {
  kind: "main", doing: "Accepting the price of",
  said: (machine) => `The price of machine ${machine.instance_id} rises: ${increaseOf(machine.price_increase)}.`,
  words: (machine) => `Accept ${priceAsked(machine)}`,
  rests: (machine) => machine.price_increase,
  call: (machine) => ["manage_instance", { instance_id: machine.instance_id, action: "accept_price", ...mostOf(machine) }],
  done: (answer, machine) => answer.price_increase && `Machine ${machine.instance_id}: the higher price is accepted: ${increaseOf(answer.price_increase)}.`,
};
const REJECT = {
  kind: "end", doing: "Rejecting the price of",
  said: (machine) => `Its host asks for more: ${increaseOf(machine.price_increase)}. Rejected, machine ${machine.instance_id} keeps its price and ends with its present contract.`,
  words: (machine) => `Reject ${priceAsked(machine)}`,
  rests: (machine) => machine.price_increase,
  call: (machine) => ["manage_instance", { instance_id: machine.instance_id, action: "reject_price" }],
  done: (answer, machine) => answer.price_increase && `Machine ${machine.instance_id}: the higher price is rejected.`,
};
const priceAsked = (machine) => {
  const asked = machine.price_increase || {};
  return isNumber(asked.to_usd_per_hour) ? hourly(asked.to_usd_per_hour) : "the new price";
};
// What the person read is the most that is agreed to: the host may ask for more by now.
const mostOf = (machine) => {
  const asked = machine.price_increase || {};
  return isNumber(asked.to_usd_per_hour) ? { max_usd_per_hour: asked.to_usd_per_hour } : {};
};
const EXTEND = {
  kind: "main", doing: "Extending", hours: true,
  said: (machine) => `Machine ${machine.instance_id} ends by itself in ${lasting(machine.lease_left_hours * 3600)}. Its new end, in hours from now:`,
  words: (machine, hours) => `End in ${figure(hours, 2)} h`,
  call: (machine, hours) => ["manage_instance", { instance_id: machine.instance_id, action: "extend_lease", lease_hours: hours }],
  done: (answer, machine) => `Machine ${machine.instance_id} now ends at ${answer.lease_until ? moment(answer.lease_until) : "its new time"}.`,
};

// Read the machine anew, say what the act does to it, and show the button that does it. Of two
// presses the later counts: a look that comes after it must not stand where a hand is about to press.
async function lookAgain(card, what) {
  if (card.acting) return;
  card.looks += 1;
  const mine = card.looks;
  let machine;
  try {
    machine = await callTool("show_instance", { instance_id: card.machine.instance_id });
  } catch (error) {
    if (mine === card.looks && !card.acting) card.look.replaceChildren(make("div", { class: "look" }, failure(error)));
    return;
  }
  merge(card, machine);
  if (mine !== card.looks || card.acting || card.ended) return;
  if (what.rests && !what.rests(machine)) {
    card.look.replaceChildren(make("div", { class: "look" }, note("", make("p", {}, "Nothing is asked for any more."))));
    return;
  }
  showLook(card, what);
}

function showLook(card, what) {
  const { machine } = card;
  const look = { what, machine, hours: what.hours ? Math.ceil(machine.lease_left_hours || 0) + 4 : null, outcome: make("div") };
  const act = button(what.words(machine, look.hours), () => doIt(card, look), { class: what.kind });
  const field = what.hours
    ? make("input", { type: "number", min: 0.1, step: "any", value: look.hours, "aria-label": "Hours from now until it ends", input: (event) => {
      look.hours = event.target.valueAsNumber;
      act.textContent = what.words(machine, look.hours);
    } })
    : null;
  const keep = make("button", { type: "button", click: () => {
    if (card.acting) return;
    card.looks += 1;
    card.look.replaceChildren();
    card.acts.querySelector("button").focus();
  } }, "Leave it");
  const whose = machine.ours === true ? null : note("warn", make("p", {}, "vast-mcp did not make this machine, or does not know that it did."));
  const words = make("p", { tabindex: "-1" }, what.said(machine));
  card.look.replaceChildren(make("div", { class: "look" }, words, whose, make("div", { class: "bar" }, field, act, keep), look.outcome));
  words.focus();
}

// Do what was looked at, once a press: what the person read is what is sent.
async function doIt(card, look) {
  const { what, machine, hours, outcome } = look;
  if (card.acting) return 0;
  if (what.hours && !(hours > 0)) {
    outcome.replaceChildren(note("bad", make("p", {}, "The hours want a number above 0.")));
    return 0;
  }
  const [tool, args] = what.call(machine, hours);
  if (machine.ours !== true) args.not_ours = true; // the person was told, and pressed
  card.tries += 1;
  const mine = card.tries;
  const judged = (reply) => reply.then((answer) => isDone(card, look, tool, answer))
    .catch((error) => { if (mine === card.tries) isNotDone(card, look, tool, error); return error.restS || 0; });
  card.acting = true;
  say(`${what.doing} machine ${machine.instance_id}…`);
  try {
    return (await judged(callTool(tool, args, judged))) * 1000;
  } finally {
    card.acting = false;
  }
}

function isDone(card, look, tool, answer) {
  const { what, machine } = look;
  const words = what.done(answer, machine);
  if (!words) throw new Refusal({ code: "no_answer", message: "The answer does not say that it was done." });
  card.look.replaceChildren(make("div", { class: "look" }, note("", make("p", {}, words)), ...warnings(answer)));
  say(words);
  tellModel(`In the machines view the person used ${tool} on machine ${machine.instance_id}: ${words}`);
  if (what === DESTROY) {
    card.root.classList.add("gone");
    card.acts.replaceChildren();
    card.ended = true;
  } else round();
  return Infinity;
}

function isNotDone(card, look, tool, error) {
  if (card.ended) return;
  look.outcome.replaceChildren(failure(error));
  say("");
  if (!error.billing) return;
  tellModel(`In the machines view ${tool} on machine ${look.machine.instance_id} failed (${error.code}); what became of it is not certain.`);
  round();
}

// ── the list, and its rounds ───────────────────────────────────────────────────────────────────

// What one look adds to a card: a machine read alone tells more than a list does.
function merge(card, machine) {
  const kept = {};
  for (const name of ["untrusted_location", "ours", "gpu"]) if (card.machine[name] !== undefined) kept[name] = card.machine[name];
  card.readAs = machine.state;
  update(card, { ...kept, ...machine });
}

function take(answer) {
  if (!Array.isArray(answer.instances) || !isNumber(answer.count)) throw new Refusal({ code: "no_answer", message: "The answer lists no machines." });
  const rows = answer.instances;
  byId("failure").replaceChildren();
  byId("warnings").replaceChildren(...warnings(answer), ...(answer.open_intents || []).map((open) =>
    note("warn", make("p", {}, `A rental of offer ${open.offer_id} is in doubt: it may be a machine that bills. Looking on settles it.`))));
  const count = `${answer.count} ${answer.count === 1 ? "machine" : "machines"}`;
  const rest = answer.more ? `, ${answer.more} not shown` : "";
  byId("summary").textContent = answer.count
    ? `${count}${rest}, ${hourly(answer.total_usd_per_hour)} now, traffic extra${answer.sandbox ? "; sandbox, no money moves" : ""}`
    : `None${answer.total_usd_per_hour === 0 ? ": nothing bills" : `, ${hourly(answer.total_usd_per_hour)} for volumes`}.`;
  const there = new Set(rows.map((row) => row.instance_id));
  for (const [id, card] of cards) if (!there.has(id) && !card.ended && !card.acting) { card.root.remove(); cards.delete(id); }
  rows.forEach((row, place) => {
    let card = cards.get(row.instance_id);
    if (!card) {
      card = cardOf(row);
      cards.set(row.instance_id, card);
      byId("cards").insertBefore(card.root, byId("cards").children[place] || null);
    }
    if (!card.ended) update(card, { ...knownOf(card, row), ...row });
  });
  pace.starting = rows.some((row) => row.state === "starting");
}

// What a list does not tell is shown on from the last look at the machine alone; what it did, and how
// to get in, while its state lasts.
function knownOf(card, row) {
  const names = ["untrusted_location", "disk_gb", "stopped_usd_per_hour", "price_increase", "prepaid_usd"];
  if (card.machine.state === row.state) names.push("disk_used_gb", "spent_usd", "spent_is", "usual_s", "longest_s", "gpu_util_percent", "access");
  const kept = {};
  for (const name of names) if (card.machine[name] !== undefined) kept[name] = card.machine[name];
  return kept;
}

async function details() {
  const moves = (card) => card.machine.state !== "stopped" || card.readAs !== "stopped";
  const wanted = [...cards.values()].filter((card) => !card.ended && !card.acting && moves(card)).slice(0, DETAILS);
  for (const card of wanted) {
    if (host.ended) return;
    try {
      merge(card, await callTool("show_instance", { instance_id: card.machine.instance_id }));
    } catch (error) {
      // The list says what there is; the next round asks again.
      if (["host", "no_answer", "rate_limited"].includes(error.code)) return;
    }
  }
}

// Read all anew. One round at a time; who asks during one has another after it.
function round() {
  pace.again = pace.now !== null;
  pace.now = pace.now || rounds().finally(() => {
    pace.now = null;
    pace.last = Date.now();
    if (pace.again) round();
    else next();
  });
  return pace.now;
}

async function rounds() {
  clearTimeout(pace.timer);
  if (host.ended) return;
  pace.restMs = 0;
  try {
    take(await callTool("show_instances", {}));
    pace.refused = false;
    saidOf(new Date());
    await details();
  } catch (error) {
    pace.refused = error.code === "host"; // asked once more by a press alone
    pace.restMs = (error.restS || 0) * 1000;
    showFailure(error);
  }
}

// The next round, where somebody can see it: at once where one is due.
function next() {
  clearTimeout(pace.timer);
  if (host.ended || pace.now || pace.refused || !pace.seen || document.visibilityState !== "visible") return;
  if (Date.now() - pace.touched > RESTS_AFTER_MS) {
    say("Not read anew for a while: Refresh goes on.");
    return;
  }
  const apart = Math.max(pace.starting ? SOON_MS : LATER_MS, pace.restMs);
  pace.timer = setTimeout(round, Math.max(0, pace.last + apart - Date.now()));
}

byId("refresh").append(button("Refresh", () => { pace.touched = Date.now(); return round(); }));
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { pace.touched = Date.now(); });
document.addEventListener("visibilitychange", next);
new IntersectionObserver((entries) => {
  pace.seen = entries[entries.length - 1].isIntersecting;
  next();
}).observe(document.documentElement);

begin({
  name: "machines",
  tool: "show_instances",
  // What the host hands over may be of an older day: it is read anew at once.
  show: (answer) => { take(answer); say(""); return round(); },
  end: () => clearTimeout(pace.timer),
});
