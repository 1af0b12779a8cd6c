// Machines: a card each, what it bills and how to get in, and its end after a second look. The page
// reads anew at the service's pace while it is seen, and rests when it is not.

const DETAILS = 12; // machines that are read one by one, the newest first
const SOON_MS = 10_000; // between rounds while something starts, as a wait of the server's
const LATER_MS = 30_000;
const RESTS_AFTER_MS = 30 * 60_000; // with nobody at it

const cards = new Map(); // by instance_id
const pace = { timer: 0, busy: false, seen: true, touched: Date.now(), starting: false };

const titleOf = (machine) => machine.gpu || "Machine";
const STATES = { running: "Running", starting: "Starting", stopped: "Stopped", failed: "Failed" };
const PHASES = {
  secrets: "its secrets are wanting", volume: "its volume does not come", vm: "the VM does not come up",
  driver_too_old: "the host's driver is too old", host_gpu: "the host's GPU fails", disk_full: "the host's disk is full",
  pull_limit: "the registry refuses more pulls", image: "the image cannot be had", image_login: "the registry wants a login",
  host_docker: "the host's Docker fails", oci_error: "its command cannot start", host_network: "the host does not reach the registry",
  missing: "Vast does not show it now", halted: "it halted", frozen: "it is frozen", outbid: "somebody bids more",
  offline: "its host is offline", scheduling: "it waits for its GPU", exited: "its container has ended",
};

// ── a card ─────────────────────────────────────────────────────────────────────────────────────

function cardOf(machine) {
  const id = machine.instance_id;
  const parts = {
    head: make("div"), body: make("div", { class: "body" }), ways: make("details", { hidden: true }),
    acts: make("div", { class: "bar" }), look: make("div"),
  };
  const root = make("article", { class: "card", "aria-labelledby": `name-${id}`, "data-machine": id },
    parts.head, parts.body, parts.ways, parts.acts, parts.look);
  return { root, ...parts, machine, shown: {} };
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
  redraw(card, "acts", [machine.state, "lease_left_hours" in machine, machine.running_usd_per_hour], () => actsOf(card));
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
    make("div", {}, facts([
      ["Bills now", hourly(machine.usd_per_hour)],
      ["While it runs", isNumber(machine.running_usd_per_hour) ? hourly(machine.running_usd_per_hour) : null],
      ["While stopped", isNumber(machine.stopped_usd_per_hour) ? hourly(machine.stopped_usd_per_hour) : null],
      ["Spent so far", isNumber(machine.spent_usd) ? `${machine.spent_is === "at_most" ? "at most " : ""}$${figure(machine.spent_usd, 2, 2)}` : null],
      ["Age", isNumber(machine.age_hours) ? lasting(machine.age_hours * 3600) : null],
      ["Ends by itself", endOf(machine)],
    ])),
    isNumber(machine.gpu_util_percent) ? measure("GPU use, as Vast last heard", `${figure(machine.gpu_util_percent, 0)} %`, machine.gpu_util_percent / 100) : null,
    isNumber(machine.disk_used_gb) && isNumber(machine.disk_gb) ? measure("Disk", `${figure(machine.disk_used_gb)} of ${figure(machine.disk_gb)} GB`, machine.disk_used_gb / machine.disk_gb) : null,
    machine.untrusted_status && machine.state !== "running" ? make("p", { class: "muted" }, "It says: ", strangers(machine.untrusted_status)) : null,
  ];
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
  const why = PHASES[machine.phase] ? `${PHASES[machine.phase][0].toUpperCase()}${PHASES[machine.phase].slice(1)}` : null;
  const since = isNumber(machine.phase_for_s) ? `for ${lasting(machine.phase_for_s)}` : "";
  if (!isNumber(machine.usual_s)) {
    return why ? make("p", { class: machine.state === "failed" ? "bad" : "warn" }, [why, since].filter(Boolean).join(", ")) : null;
  }
  const words = `${since}, usually ${lasting(machine.usual_s)}`;
  return measure(why || "Starting", words, (machine.phase_for_s || 0) / machine.usual_s);
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
  made.push(act("Destroy", DESTROY, "end"));
  return made;
}

const DESTROY = {
  kind: "end", doing: "Destroying",
  said: (machine) => `Machine ${machine.instance_id} ends and its disk${isNumber(machine.disk_gb) ? ` of ${figure(machine.disk_gb)} GB` : ""} is deleted for good.${isNumber(machine.disk_used_gb) ? ` ${figure(machine.disk_used_gb)} GB are in use.` : ""} Volumes stay and bill.`,
  words: (machine) => `Destroy ${machine.instance_id} for good`,
  call: (machine) => ["destroy_instance", { instance_ids: [machine.instance_id] }],
  done: (answer, machine) => {
    const one = (answer.results || [])[0] || {};
    return `Machine ${machine.instance_id} is gone${isNumber(one.spent_usd) ? `; it came to ${one.spent_is === "at_most" ? "at most " : ""}$${figure(one.spent_usd, 2, 2)}` : ""}.`;
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
const EXTEND = {
  kind: "main", doing: "Extending", hours: true,
  said: (machine) => `Machine ${machine.instance_id} ends by itself in ${lasting(machine.lease_left_hours * 3600)}. Its new end, in hours from now:`,
  words: (machine, hours) => `End in ${figure(hours, 1)} h`,
  call: (machine, hours) => ["manage_instance", { instance_id: machine.instance_id, action: "extend_lease", lease_hours: hours }],
  done: (answer, machine) => `Machine ${machine.instance_id} now ends at ${answer.lease_until || "its new time"}.`,
};

// Read the machine anew, say what the act does to it, and show the button that does it.
async function lookAgain(card, what) {
  let machine;
  try {
    machine = await callTool("show_instance", { instance_id: card.machine.instance_id });
  } catch (error) {
    card.look.replaceChildren(make("div", { class: "look" }, failure(error)));
    return;
  }
  merge(card, machine);
  let hours = what.hours ? Math.ceil(machine.lease_left_hours || 0) + 4 : null;
  const outcome = make("div");
  const act = button(what.words(card.machine, hours), () => doIt(card, what, hours, outcome), { class: what.kind });
  const field = what.hours
    ? make("input", { type: "number", min: 0.1, step: 0.5, value: hours, "aria-label": "Hours from now until it ends", input: (event) => {
      hours = parseFloat(event.target.value) || hours;
      act.textContent = what.words(card.machine, hours);
    } })
    : null;
  const keep = make("button", { type: "button", click: () => { card.look.replaceChildren(); card.acts.querySelector("button").focus(); } }, "Leave it");
  const whose = card.machine.ours === true ? null : note("warn", make("p", {}, "vast-mcp did not make this machine, or does not know that it did."));
  const words = make("p", { tabindex: "-1" }, what.said(card.machine));
  card.look.replaceChildren(make("div", { class: "look" }, words, whose, make("div", { class: "bar" }, field, act, keep), outcome));
  words.focus();
}

async function doIt(card, what, hours, outcome) {
  const { machine } = card;
  const [tool, args] = what.call(machine, hours);
  if (machine.ours !== true) args.not_ours = true; // the person was told, and pressed
  say(`${what.doing} machine ${machine.instance_id}…`);
  try {
    const answer = await callTool(tool, args);
    const words = what.done(answer, machine);
    card.look.replaceChildren(make("div", { class: "look" }, note("", make("p", {}, words)), ...warnings(answer)));
    say(words);
    tellModel(`In the machines view the person used ${tool} on machine ${machine.instance_id}: ${words}`);
    if (what === DESTROY) {
      card.root.classList.add("gone");
      card.acts.replaceChildren();
      card.ended = true;
    } else round();
    return SPENT;
  } catch (error) {
    outcome.replaceChildren(failure(error));
    say("");
    if (error.billing) tellModel(`In the machines view ${tool} on machine ${machine.instance_id} failed (${error.code}); what became of it is not certain.`);
    return null;
  }
}

// ── the list, and its rounds ───────────────────────────────────────────────────────────────────

// What one look adds to a card: a machine read alone tells more than a list does.
function merge(card, machine) {
  const kept = {};
  for (const name of ["untrusted_location", "ours", "gpu"]) if (card.machine[name] !== undefined) kept[name] = card.machine[name];
  update(card, { ...kept, ...machine });
}

function take(answer) {
  const rows = answer.instances || [];
  byId("failure").replaceChildren();
  byId("warnings").replaceChildren(...warnings(answer), ...(answer.open_intents || []).map((open) =>
    note("warn", make("p", {}, `A rental of offer ${open.offer_id} is in doubt: it may be a machine that bills. Looking on settles it.`))));
  const count = `${answer.count} ${answer.count === 1 ? "machine" : "machines"}`;
  const rest = answer.more ? `, ${answer.more} not shown` : "";
  byId("summary").textContent = answer.count
    ? `${count}${rest}, ${hourly(answer.total_usd_per_hour)} now, traffic extra${answer.sandbox ? "; sandbox, no money moves" : ""}`
    : "None: nothing bills but volumes.";
  const there = new Set(rows.map((row) => row.instance_id));
  for (const [id, card] of cards) if (!there.has(id) && !card.ended) { card.root.remove(); cards.delete(id); }
  rows.forEach((row, place) => {
    let card = cards.get(row.instance_id);
    if (!card) {
      card = cardOf(row);
      cards.set(row.instance_id, card);
    }
    if (card.ended) return;
    if (byId("cards").children[place] !== card.root && !card.root.isConnected) byId("cards").insertBefore(card.root, byId("cards").children[place] || null);
    update(card, { ...knownOf(card), ...row });
  });
  pace.starting = rows.some((row) => row.state === "starting");
}

// What a list does not tell is shown on from the last look at the machine alone, while its state lasts.
function knownOf(card) {
  const kept = {};
  for (const name of ["untrusted_location", "disk_gb", "disk_used_gb", "spent_usd", "spent_is", "usual_s", "longest_s", "gpu_util_percent", "access", "stopped_usd_per_hour"]) {
    if (card.machine[name] !== undefined) kept[name] = card.machine[name];
  }
  return kept;
}

async function details() {
  const wanted = [...cards.values()].filter((card) => !card.ended && card.machine.state !== "stopped").slice(0, DETAILS);
  for (const card of wanted) {
    if (host.ended) return;
    try {
      merge(card, await callTool("show_instance", { instance_id: card.machine.instance_id }));
    } catch {
      // The list says what there is; the next round asks again.
    }
  }
}

async function round() {
  if (pace.busy || host.ended) return;
  pace.busy = true;
  clearTimeout(pace.timer);
  try {
    take(await callTool("show_instances", {}));
    await details();
    say(`As of ${clock(new Date())}.`);
  } catch (error) {
    showFailure(error);
  } finally {
    pace.busy = false;
    next();
  }
}

// The next round, where somebody can see it.
function next() {
  clearTimeout(pace.timer);
  if (host.ended || !pace.seen || document.visibilityState !== "visible") return;
  if (Date.now() - pace.touched > RESTS_AFTER_MS) {
    say("Not read anew for a while: Refresh goes on.");
    return;
  }
  pace.timer = setTimeout(round, pace.starting ? SOON_MS : LATER_MS);
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
  show: (answer) => {
    take(answer);
    say(`As of ${clock(new Date())}.`);
    details().then(next);
  },
  end: () => clearTimeout(pace.timer),
});
