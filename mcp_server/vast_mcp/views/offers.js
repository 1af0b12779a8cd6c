// Offers: a table beside a chart of price against one figure, and the way to rent one: its price
// is asked for by a dry run, and a button with that price on it rents, for no more than that.

const FIRST_ROWS = 12;
const LARGER = 50; // the most that a search shows

const memoryOf = (offer) => (isNumber(offer.gpu_ram_gb) ? offer.gpu_ram_gb * (offer.num_gpus || 1) : null);
const downOf = (offer) => (Array.isArray(offer.inet_mbps) ? offer.inet_mbps[0] : null);
const idOf = (offer) => String(offer.offer_id);
const cardOf = (offer) => offer.gpu_name || null;
const placeOf = (offer) => offer.location || null;
const nameOf = (offer) => `${offer.num_gpus || 1}× ${cardOf(offer) || "GPU of unknown name"}`;
const trafficOf = (offer) => (Array.isArray(offer.usd_per_tb) ? offer.usd_per_tb[0] : null);

const AXES = {
  memory: { name: "GPU memory", of_it: "GPU memory", unit: "GB", of: memoryOf },
  down: { name: "Download", of_it: "download", unit: "Mbit/s", of: downOf },
  cores: { name: "CPU cores", of_it: "CPU cores", unit: "", of: (offer) => offer.cpu_cores },
  reliability: { name: "Reliability", of_it: "reliability", unit: "%", of: (offer) => percentOf(offer.reliability) },
};
const percentOf = (share) => (isNumber(share) ? share * 100 : null);

// `of` sorts and `show` is a cell's content; `size` says from which width on a column is there.
const COLUMNS = [
  { key: "gpu", name: "GPU", of: nameOf, show: gpuCell, size: "" },
  { key: "price", name: "$/h", of: (o) => o.usd_per_hour, show: (o) => figure(o.usd_per_hour, 3, 3), size: "", num: true },
  { key: "memory", name: "GPU GB", of: memoryOf, show: (o) => figure(memoryOf(o), 0), size: "", num: true },
  { key: "cores", name: "Cores", of: (o) => o.cpu_cores, show: (o) => figure(o.cpu_cores), size: "wider", num: true },
  { key: "ram", name: "RAM GB", of: (o) => o.cpu_ram_gb, show: (o) => figure(o.cpu_ram_gb, 0), size: "wide", num: true },
  { key: "down", name: "Down Mbit/s", of: downOf, show: (o) => figure(downOf(o), 0), size: "middle", num: true },
  { key: "place", name: "Place", of: (o) => placeOf(o) || o.untrusted_location, show: placeCell, size: "middle place" },
  { key: "reliability", name: "Reliability", of: (o) => o.reliability, show: (o) => shareCell(o.reliability), size: "wide", num: true },
];

const state = {
  offers: [], args: {}, next: {}, sort: "price", down: false, axis: "memory", all: false,
  chosen: null, front: new Set(), later: null,
};

function gpuCell(offer) {
  const mark = make("span", { class: "mark", title: "Nothing cheaper has as much" }, "●", make("span", { class: "unseen" }, " nothing cheaper has as much"));
  const name = cardOf(offer) ? nameOf(offer) : [`${offer.num_gpus || 1}× `, strangers(offer.untrusted_gpu_name || "name not known")];
  return [name, " ", mark];
}

function placeCell(offer) {
  if (placeOf(offer)) return placeOf(offer);
  return offer.untrusted_location ? strangers(offer.untrusted_location) : "–";
}

const shareCell = (share) => (isNumber(share) ? `${figure(share * 100, 1, 1)} %` : "–");

// ── what is shown ──────────────────────────────────────────────────────────────────────────────

function shown() {
  const words = byId("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const most = parseFloat(byId("most").value);
  const kept = state.offers.filter((offer) =>
    words.every((word) => offer.words.includes(word)) && !(offer.usd_per_hour > most));
  const column = COLUMNS.find((one) => one.key === state.sort);
  const way = state.down ? -1 : 1;
  return kept.sort((one, other) => compare(column.of(one), column.of(other), way));
}

// In this direction; what is not known comes last in both.
function compare(one, other, way) {
  const unknown = (value) => value === null || value === undefined;
  if (unknown(one) || unknown(other)) return unknown(one) - unknown(other);
  if (typeof one === "string") return way * (one < other ? -1 : one > other);
  return way * (one - other);
}

// The offers to which nothing is both as cheap and larger, by the chart's figure; the dearest first.
function frontierOf(offers, of) {
  const byPrice = offers.filter((offer) => isNumber(of(offer)) && isNumber(offer.usd_per_hour))
    .sort((one, other) => one.usd_per_hour - other.usd_per_hour || of(other) - of(one));
  const front = [];
  for (const offer of byPrice) {
    if (!front.length || of(offer) > of(front[front.length - 1])) front.push(offer);
  }
  return front;
}

function draw() {
  const offers = shown();
  const axis = AXES[state.axis];
  const front = frontierOf(offers, axis.of);
  state.front = new Set(front.map(idOf));
  drawHeadings();
  drawRows(offers);
  drawChart(offers, front, axis);
}

function drawHeadings() {
  byId("headings").replaceChildren(...COLUMNS.map((column) => {
    const sorted = column.key === state.sort;
    const arrow = sorted ? make("span", { "aria-hidden": "true" }, state.down ? " ↓" : " ↑") : null;
    const sort = make("button", { type: "button", click: () => sortBy(column.key) }, column.name, arrow);
    return make("th", {
      scope: "col", class: `${column.size} ${column.num ? "num" : ""}`,
      "aria-sort": sorted ? (state.down ? "descending" : "ascending") : null,
    }, sort);
  }), make("td", {}, make("span", { class: "unseen" }, "Choose")));
}

function sortBy(key) {
  state.down = state.sort === key && !state.down;
  state.sort = key;
  draw();
  [...byId("headings").querySelectorAll("[aria-sort] button")].forEach((one) => one.focus());
}

function drawRows(offers) {
  const some = state.all ? offers : offers.slice(0, FIRST_ROWS);
  byId("rows").replaceChildren(...some.map(rowOf));
  markRows();
  byId("counted").textContent = offers.length === state.offers.length
    ? `${some.length} of ${offers.length} shown`
    : `${some.length} of ${offers.length} that fit shown, ${state.offers.length} in all`;
  byId("more").replaceChildren();
  if (some.length < offers.length) {
    byId("more").append(make("button", { type: "button", click: showAll }, `Show all ${offers.length}`));
  }
}

// Each row is made once; what moves with filter and choice is marked on it.
function markRows() {
  for (const row of byId("rows").rows) {
    const id = row.dataset.offer;
    row.classList.toggle("front", state.front.has(id));
    row.classList.toggle("now", state.chosen === id);
  }
}

function rowOf(offer) {
  if (offer.row) return offer.row;
  const cells = COLUMNS.map((column) =>
    make("td", { class: `${column.size} ${column.num ? "num" : ""}` }, column.show(offer)));
  const words = `Choose ${nameOf(offer)} at ${hourly(offer.usd_per_hour)}, offer ${offer.offer_id}`;
  const choose = make("button", { type: "button", "aria-label": words, click: () => pick(offer) }, "Choose");
  offer.row = make("tr", { "data-offer": offer.offer_id }, cells, make("td", { class: "act" }, choose));
  return offer.row;
}

function showAll() {
  const first = byId("rows").rows.length;
  state.all = true;
  draw();
  const next = byId("rows").rows[first];
  if (next) next.querySelector("button").focus();
}

// ── the chart ──────────────────────────────────────────────────────────────────────────────────

// A scale from figures to pixels with round marks; by powers where the largest is 30 times the least.
function scaleOf(values, from, to) {
  const low = values.reduce((one, other) => Math.min(one, other));
  const high = values.reduce((one, other) => Math.max(one, other));
  const alike = high - low < 1e-9 * Math.abs(high);
  if (low > 0 && high / low >= 30) {
    const a = Math.log(low / 1.1);
    const b = Math.log(high * 1.1);
    const every = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const step of [1, 3]) every.push(step * 10 ** power);
    }
    const inside = every.filter((one) => one >= low / 1.1 && one <= high * 1.1);
    const each = Math.ceil(inside.length / MARKS);
    return { at: (value) => from + ((Math.log(value) - a) / (b - a)) * (to - from), marks: inside.filter((_, number) => number % each === 0), say: (mark) => figure(Number(mark.toPrecision(3)), 6) };
  }
  const room = alike ? (Math.abs(high) || 1) * 0.4 : (high - low) * 0.08;
  const a = alike ? low - room : Math.max(low - room, low >= 0 ? 0 : low - room);
  const b = high + room;
  const rough = (b - a) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((one) => one * unit >= rough * 0.9);
  const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9)));
  const first = Math.ceil(a / step);
  const marks = [];
  for (let number = 0; number <= MARKS && (first + number) * step <= b; number += 1) marks.push((first + number) * step);
  return { at: (value) => from + ((value - a) / (b - a)) * (to - from), marks, say: (mark) => figure(mark, digits, digits) };
}

const MARKS = 8;
function drawChart(offers, front, axis) {
  const chart = byId("chart");
  const known = offers.filter((offer) => isNumber(axis.of(offer)) && isNumber(offer.usd_per_hour));
  if (!known.length) {
    chart.replaceChildren(make("figcaption", {}, offers.length ? `${axis.name} is not known of these.` : "Nothing fits the filter."));
    return;
  }
  const width = Math.max(280, Math.round(chart.clientWidth || 600));
  const height = width < 500 ? 190 : 230;
  const [left, right, top, bottom] = [46, width - 10, 18, height - 34];
  const x = scaleOf(known.map(axis.of), left, right);
  const y = scaleOf(known.map((offer) => offer.usd_per_hour), bottom, top);
  const grid = [
    ...y.marks.map((mark) => [
      make("line", { class: "grid", x1: left, x2: right, y1: y.at(mark), y2: y.at(mark) }),
      make("text", { x: left - 6, y: y.at(mark) + 4, "text-anchor": "end" }, `$${y.say(mark)}`),
    ]),
    ...x.marks.map((mark) =>
      make("text", { x: x.at(mark), y: bottom + 15, "text-anchor": "middle" }, x.say(mark))),
    make("text", { x: left, y: 8, "text-anchor": "start" }, "Price, $/h"),
    make("text", { x: right, y: height - 4, "text-anchor": "end" }, axis.unit ? `${axis.name}, ${axis.unit}` : axis.name),
  ];
  const steps = front.map((offer, number) => {
    const [px, py] = [x.at(axis.of(offer)), y.at(offer.usd_per_hour)];
    return number ? `H${px}V${py}` : `M${px} ${py}`;
  });
  const dots = known.map((offer) => make("circle", {
    class: `dot${state.front.has(idOf(offer)) ? " front" : ""}${state.chosen === idOf(offer) ? " now" : ""}`,
    cx: x.at(axis.of(offer)), cy: y.at(offer.usd_per_hour), r: state.front.has(idOf(offer)) ? 5 : 4,
    click: () => pick(offer),
  }, make("title", {}, `${nameOf(offer)}, ${hourly(offer.usd_per_hour)}`)));
  const least = front[0];
  const words = `Price by ${axis.name}: ${known.length} offers, from ${hourly(least.usd_per_hour)}. The table has the same.`;
  chart.replaceChildren(
    make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words },
      grid.flat(), make("path", { class: "frontier", d: steps.join("") }), dots),
    make("figcaption", {}, make("span", { class: "mark" }, "●"), ` the cheapest with at least so much ${axis.of_it}`));
}

// ── choosing and renting ───────────────────────────────────────────────────────────────────────

// The call that rents an offer, as the search suggests it for its first.
function rentalOf(offer) {
  const rental = { ...state.next, offer_id: offer.offer_id };
  delete rental.price;
  if (isNumber(offer.min_bid) && !offer.bid_saves_nothing) rental.price = offer.min_bid;
  return rental;
}

function pick(offer) {
  leave();
  state.chosen = idOf(offer);
  markRows();
  const axis = AXES[state.axis];
  drawChart(shown(), frontierOf(shown(), axis.of), axis);
  const outcome = make("div", { id: "outcome" });
  const held = rentals.get(idOf(offer));
  const form = held ? null : formOf(offer, outcome);
  if (held) outcome.append(held.root);
  byId("chosen").replaceChildren(
    make("div", { class: "head" },
      make("h2", { id: "chosen-name", tabindex: "-1" }, nameOf(offer)),
      make("span", { class: "muted" }, `offer ${offer.offer_id}`)),
    offerFacts(offer),
    offer.before ? note("", make("p", {}, `From here before: ${offer.before}`)) : "",
    make("div", { class: "bar" }, form ? form.fields : null,
      make("button", { type: "button", click: () => close(offer) }, "Close")),
    outcome);
  byId("chosen").hidden = false;
  byId("chosen-name").focus();
  if (form) form.check.click();
}

// What the panel holds of a rental that was asked for stays on the page when the panel goes: the
// button with its key is the one way to ask for it again.
function leave() {
  const held = rentals.get(state.chosen);
  if (held) byId("rentals").prepend(held.root);
}

// The fields of an offer and the button that asks its price. A price is shown of what stands in the
// fields now, or none is.
function formOf(offer, outcome) {
  const rental = rentalOf(offer);
  const disk = make("input", { type: "number", min: 8, step: "any", value: rental.disk || 10, input: () => stale() });
  const lease = make("input", { type: "number", min: 0, step: "any", placeholder: "no end", input: () => stale() });
  let round = 0;
  const stale = () => {
    round += 1;
    if (rentals.has(idOf(offer))) rentals.get(idOf(offer)).stale = true;
    else outcome.replaceChildren();
  };
  const check = button("Check price", async () => {
    if (rentals.has(idOf(offer))) return;
    stale();
    const mine = round;
    const wrong = wrongIn(disk, lease);
    if (wrong) {
      outcome.replaceChildren(note("bad", make("p", {}, wrong)));
      return;
    }
    const asked = { ...rental, disk: disk.valueAsNumber };
    if (lease.value) asked.lease_hours = lease.valueAsNumber;
    outcome.replaceChildren(make("p", { class: "muted" }, "Asking for its price…"));
    const key = newKey();
    const made = await callTool("create_instance", { ...asked, request_key: key, dry_run: true })
      .then((answer) => priced(offer, { ...asked, request_key: key }, answer), failure);
    if (mine === round && !rentals.has(idOf(offer))) outcome.replaceChildren(...[made].flat());
  });
  return { check, fields: [make("label", {}, "Disk, GB", disk), make("label", {}, "Ends by itself after, h", lease), check] };
}

// What stands in a field and is no number is not passed over: without it the machine would have
// another disk, or no end.
function wrongIn(disk, lease) {
  if (!(disk.valueAsNumber > 0)) return "The disk wants a number of GB.";
  const empty = lease.value === "" && !lease.validity.badInput;
  if (!empty && !(lease.valueAsNumber > 0)) return "The hours until it ends want a number above 0, or nothing.";
  return null;
}

function close(offer) {
  leave();
  byId("chosen").hidden = true;
  state.chosen = null;
  if (state.later) take(...state.later);
  else draw();
  state.later = null;
  const row = byId("rows").querySelector(`[data-offer="${CSS.escape(idOf(offer))}"] button`);
  (row || byId("filter")).focus();
}

function offerFacts(offer) {
  const pair = (values, words) => (Array.isArray(values) ? `${figure(values[0], 2)} down, ${figure(values[values.length - 1], 2)} up${words}` : null);
  return facts([
    ["Price", hourly(offer.usd_per_hour)],
    ["On demand", isNumber(offer.on_demand_usd_per_hour) ? hourly(offer.on_demand_usd_per_hour) : null],
    ["GPU memory", isNumber(memoryOf(offer)) ? `${figure(memoryOf(offer), 0)} GB` : null],
    ["CPU", isNumber(offer.cpu_cores) ? `${figure(offer.cpu_cores)} cores, ${figure(offer.cpu_ram_gb, 0)} GB RAM` : null],
    ["Internet, Mbit/s", pair(offer.inet_mbps, "")],
    ["Traffic, $/TB", pair(offer.usd_per_tb, "")],
    ["Place", offer.location || offer.untrusted_location ? placeCell(offer) : null],
    ["Reliability", isNumber(offer.reliability) ? shareCell(offer.reliability) : null],
    ["Host keeps it for", isNumber(offer.available_hours) ? lasting(offer.available_hours * 3600) : null],
    ["CUDA up to", isNumber(offer.cuda_max) ? figure(offer.cuda_max) : null],
    ["Direct ports", isNumber(offer.direct_ports) ? figure(offer.direct_ports) : null],
  ]);
}

// What a dry run found, and the button that rents at its price and for no more.
function priced(offer, asked, answer) {
  const dry = answer.dry_run || {};
  const said = make("p", {}, String(dry.said || "").replace(" The same call without dry_run rents it.", ""));
  const lease = answer.lease ? make("p", { class: "muted" }, String(answer.lease)) : null;
  if (dry.would !== "rent") return [said, ...warnings(answer)];
  if (!isNumber(dry.usd_per_hour)) {
    return [said, ...warnings(answer), note("warn", make("p", {}, "What it would cost is not known, so it is not rented from here."))];
  }
  const price = upTo(dry.usd_per_hour);
  const most = isNumber(asked.max_usd_per_hour) ? Math.min(price, asked.max_usd_per_hour) : price;
  const rental = { offer, args: { ...asked, max_usd_per_hour: most }, tries: 0, open: new Set(), settled: false, price: `$${figure(price, 4, price < 0.1 ? 4 : 3)}/h`, done: make("div", { role: "status" }) };
  rental.button = button(`Rent for ${rental.price}`, () => rentIt(rental), { class: "main", id: "rent" });
  rental.root = make("div", { class: "rental" },
    make("h2", { class: "of" }, `${nameOf(offer)}, offer ${offer.offer_id}`),
    make("div", { class: "bar" }, rental.button), rental.done);
  return [said, ...warnings(answer), lease, rental.root].filter(Boolean);
}

const rentals = new Map(); // that were asked for and are not refused, by offer

// Ask for it once more: the same arguments go with every try, the key among them, so that no try
// rents twice.
async function rentIt(rental) {
  const { offer, args } = rental;
  rental.tries += 1;
  const mine = rental.tries;
  rental.open.add(mine);
  rentals.set(idOf(offer), rental);
  rental.done.replaceChildren(make("p", { class: "muted" }, "Renting…"));
  say(`Renting ${nameOf(offer)}.`);
  const judged = (reply) => reply.then((answer) => isRented(rental, answer))
    .catch((error) => notRented(rental, mine, error));
  await judged(callTool("create_instance", args, judged));
  return rental.settled ? Infinity : rental.restS * 1000;
}

// An answer that says which machine it is; another is none.
function isRented(rental, answer) {
  const { offer, args } = rental;
  if (answer.instance_id === undefined) throw new Refusal({ code: "no_answer", message: "The answer names no machine." });
  if (rental.settled) return;
  rental.settled = true;
  rental.button.setAttribute("aria-disabled", "true");
  const words = `Rented: machine ${answer.instance_id} (${nameOf(offer)}) bills ${hourly(answer.running_usd_per_hour || answer.usd_per_hour)} while it runs, until it is destroyed.`;
  rental.done.replaceChildren(note("", make("p", {}, words)), ...warnings(answer));
  say(words);
  tellModel(`In the offers view the person rented offer ${offer.offer_id}: machine ${answer.instance_id}, request_key ${args.request_key}. wait_for_instance waits for it.`);
}

// A try that failed. While one has no verdict, or one by which a machine may exist all the same, the
// rental stays on the page.
function notRented(rental, mine, error) {
  const { offer, args } = rental;
  rental.restS = error.restS || 0;
  if (rental.settled) return;
  if (error.billing === false) rental.open.delete(mine);
  if (mine !== rental.tries) return;
  rental.done.replaceChildren(failure(error));
  say("");
  rental.button.textContent = `${rental.open.size ? "Ask again" : "Rent"} for ${rental.price}`;
  if (!rental.open.size) {
    rentals.delete(idOf(offer));
    if (rental.stale) rental.button.remove(); // the fields have changed since: no price of theirs is known
    return;
  }
  rental.done.append(make("p", { class: "muted" }, "A machine may exist. The button asks again by the same request: it never rents twice."));
  tellModel(`In the offers view renting offer ${offer.offer_id} failed (${error.code}), request_key ${args.request_key}: a machine may exist. show_instances helps to settle it.`);
}

// ── the answers ────────────────────────────────────────────────────────────────────────────────

function take(answer, args) {
  state.args = args;
  const usual = answer.usual || {};
  state.offers = (Array.isArray(answer.offers) ? answer.offers : []).filter(isObject).map((row) => {
    const offer = { ...usual, ...row };
    offer.words = [nameOf(offer), offer.untrusted_gpu_name, offer.location, offer.untrusted_location, offer.offer_id].filter(Boolean).join(" ").toLowerCase();
    return offer;
  });
  const steps = Array.isArray(answer.next_steps) ? answer.next_steps : [];
  const rent = steps.find((step) => step && step.tool === "create_instance");
  state.next = (rent && rent.arguments) || { disk: answer.disk_gb };
  byId("warnings").replaceChildren(...warnings(answer));
  byId("found").hidden = !state.offers.length;
  if (!state.offers.length) return nothing(answer);
  const prices = state.offers.map((offer) => offer.usd_per_hour).filter(isNumber);
  byId("summary").textContent = `${state.offers.length} from ${hourly(prices.length ? Math.min(...prices) : null)}, ${figure(answer.disk_gb)} GB disk included, traffic extra${answer.sandbox ? "; sandbox, no money moves" : ""}`;
  chooseAxis();
  draw();
  say("");
}

function nothing(answer) {
  byId("summary").textContent = "Nothing fits.";
  const words = (answer.relax || []).map((change) => make("p", {}, `${change.offers} with another ${change.argument}.`));
  byId("failure").replaceChildren(...(words.length ? [note("", ...words)] : []));
  say("");
}

// The chart is by the first figure in which these differ.
function chooseAxis() {
  const differs = (axis) => new Set(state.offers.map(axis.of).filter(isNumber)).size > 1;
  const useful = Object.keys(AXES).filter((key) => differs(AXES[key]));
  if (!useful.includes(state.axis)) state.axis = useful[0] || "memory";
  byId("axis").replaceChildren(...Object.entries(AXES).map(([key, axis]) =>
    make("option", { value: key, selected: key === state.axis }, axis.name)));
}

// A model is shown few; the page asks for the most that there are.
async function showMore(answer, args) {
  if (!answer.more || (args.limit || 10) >= LARGER) return;
  say("Loading more offers…");
  try {
    const more = await callTool("search_offers", { ...args, limit: LARGER });
    if (state.chosen === null) take(more, args);
    else state.later = [more, args]; // not under a hand that chooses
    say("");
  } catch (error) {
    say(`More could not be loaded: ${error.message}`);
  }
}

for (const id of ["filter", "most"]) byId(id).addEventListener("input", draw);
byId("axis").addEventListener("change", () => { state.axis = byId("axis").value; draw(); });
let wide = 0;
new ResizeObserver(() => {
  const now = byId("chart").clientWidth;
  if (now === wide || !state.offers.length) return;
  wide = now;
  const axis = AXES[state.axis];
  drawChart(shown(), frontierOf(shown(), axis.of), axis);
}).observe(byId("found"));

begin({
  name: "offers",
  tool: "search_offers",
  show: (answer, args) => { take(answer, args); return showMore(answer, args); },
});
