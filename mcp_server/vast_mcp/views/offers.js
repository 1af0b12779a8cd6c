// Offers: a table beside a chart of price against one figure, and the way to rent one: its price
// is asked for by a dry run, and a button with that price on it rents, for no more than that.

const FIRST_ROWS = 12;
const LARGER = 50; // the most that a search shows

const memoryOf = (offer) => (isNumber(offer.gpu_ram_gb) ? offer.gpu_ram_gb * (offer.num_gpus || 1) : null);
const downOf = (offer) => (Array.isArray(offer.inet_mbps) ? offer.inet_mbps[0] : null);
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
  chosen: null, front: new Set(),
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
  const byPrice = offers.filter((offer) => isNumber(of(offer)))
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
  state.front = new Set(front.map((offer) => offer.offer_id));
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
    const id = Number(row.dataset.offer);
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
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (low > 0 && high / low >= 30) {
    const a = Math.log(low / 1.1);
    const b = Math.log(high * 1.1);
    const marks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const step of [1, 3]) marks.push(step * 10 ** power);
    }
    return { at: (value) => from + ((Math.log(value) - a) / (b - a)) * (to - from), marks: marks.filter((one) => one >= low / 1.1 && one <= high * 1.1) };
  }
  const room = (high - low || high || 1) * 0.08;
  const a = low === high ? low - room * 4 : Math.max(low - room, low >= 0 ? 0 : low - room);
  const b = high + (low === high ? room * 4 : room);
  const rough = (b - a) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((one) => one * unit >= rough * 0.9);
  const marks = [];
  for (let mark = Math.ceil(a / step) * step; mark <= b + step / 1e6; mark += step) marks.push(mark);
  return { at: (value) => from + ((value - a) / (b - a)) * (to - from), marks };
}

function drawChart(offers, front, axis) {
  const chart = byId("chart");
  const known = offers.filter((offer) => isNumber(axis.of(offer)));
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
      make("text", { x: left - 6, y: y.at(mark) + 4, "text-anchor": "end" }, `$${figure(mark, 2)}`),
    ]),
    ...x.marks.map((mark) =>
      make("text", { x: x.at(mark), y: bottom + 15, "text-anchor": "middle" }, figure(mark, 1))),
    make("text", { x: left, y: 8, "text-anchor": "start" }, "Price, $/h"),
    make("text", { x: right, y: height - 4, "text-anchor": "end" }, axis.unit ? `${axis.name}, ${axis.unit}` : axis.name),
  ];
  const steps = front.map((offer, number) => {
    const [px, py] = [x.at(axis.of(offer)), y.at(offer.usd_per_hour)];
    return number ? `H${px}V${py}` : `M${px} ${py}`;
  });
  const dots = known.map((offer) => make("circle", {
    class: `dot${state.front.has(offer.offer_id) ? " front" : ""}${state.chosen === offer.offer_id ? " now" : ""}`,
    cx: x.at(axis.of(offer)), cy: y.at(offer.usd_per_hour), r: state.front.has(offer.offer_id) ? 5 : 4,
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
  state.chosen = offer.offer_id;
  markRows();
  const axis = AXES[state.axis];
  drawChart(shown(), frontierOf(shown(), axis.of), axis);
  const panel = byId("chosen");
  const rental = rentalOf(offer);
  const disk = make("input", { type: "number", min: 8, step: 1, value: rental.disk || 10, input: () => stale() });
  const lease = make("input", { type: "number", min: 0, step: 1, placeholder: "no end", input: () => stale() });
  const outcome = make("div", { id: "outcome" });
  const check = button("Check price", () => dryRun());
  let round = 0;
  const stale = () => { round += 1; outcome.replaceChildren(); };
  const dryRun = async () => {
    stale();
    const mine = round;
    const asked = { ...rental, disk: parseFloat(disk.value) || rental.disk };
    if (parseFloat(lease.value) > 0) asked.lease_hours = parseFloat(lease.value);
    outcome.replaceChildren(make("p", { class: "muted" }, "Asking for its price…"));
    const key = newKey();
    const made = await callTool("create_instance", { ...asked, request_key: key, dry_run: true })
      .then((answer) => priced(offer, asked, key, answer), failure);
    if (mine === round) outcome.replaceChildren(...[made].flat());
  };
  panel.replaceChildren(
    make("div", { class: "head" },
      make("h2", { id: "chosen-name", tabindex: "-1" }, nameOf(offer)),
      make("span", { class: "muted" }, `offer ${offer.offer_id}`)),
    offerFacts(offer),
    offer.before ? note("", make("p", {}, `From here before: ${offer.before}`)) : "",
    make("div", { class: "bar" },
      make("label", {}, "Disk, GB", disk), make("label", {}, "Ends by itself after, h", lease), check,
      make("button", { type: "button", click: () => close(offer) }, "Close")),
    outcome);
  panel.hidden = false;
  byId("chosen-name").focus();
  check.click();
}

function close(offer) {
  byId("chosen").hidden = true;
  state.chosen = null;
  draw();
  const row = byId("rows").querySelector(`[data-offer="${offer.offer_id}"] button`);
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
function priced(offer, asked, key, answer) {
  const dry = answer.dry_run || {};
  const said = make("p", {}, String(dry.said || "").replace(" The same call without dry_run rents it.", ""));
  const lease = answer.lease ? make("p", { class: "muted" }, answer.lease) : null;
  if (dry.would !== "rent") return [said, ...warnings(answer)];
  const price = isNumber(dry.usd_per_hour) ? upTo(dry.usd_per_hour) : null;
  const ceiling = [price, asked.max_usd_per_hour].filter(isNumber);
  const rental = { ...asked, request_key: key };
  if (ceiling.length) rental.max_usd_per_hour = Math.min(...ceiling);
  const words = price === null ? "Rent at a price not known" : `Rent for $${figure(price, 3, 3)}/h`;
  const done = make("div");
  const rent = button(words, () => rentIt(offer, rental, done), { class: "main", id: "rent" });
  return [said, ...warnings(answer), lease, make("div", { class: "bar" }, rent), done].filter(Boolean);
}

// Rent once. The same key goes with every try, so that no try rents twice.
async function rentIt(offer, rental, done) {
  done.replaceChildren(make("p", { class: "muted" }, "Renting…"));
  say(`Renting ${nameOf(offer)}.`);
  try {
    const answer = await callTool("create_instance", rental);
    const words = `Rented: machine ${answer.instance_id} (${nameOf(offer)}) bills ${hourly(answer.running_usd_per_hour || answer.usd_per_hour)} while it runs, until it is destroyed.`;
    done.replaceChildren(note("", make("p", {}, words)), ...warnings(answer));
    say(words);
    tellModel(`In the offers view the person rented offer ${offer.offer_id}: machine ${answer.instance_id}, request_key ${rental.request_key}. wait_for_instance waits for it.`);
    return SPENT;
  } catch (error) {
    done.replaceChildren(failure(error));
    say("");
    if (error.billing) {
      done.append(make("p", { class: "muted" }, "A machine may exist. The button asks again by the same request: it never rents twice."));
      tellModel(`In the offers view renting offer ${offer.offer_id} failed (${error.code}), request_key ${rental.request_key}: a machine may exist. show_instances helps to settle it.`);
    }
    return null;
  }
}

// ── the answers ────────────────────────────────────────────────────────────────────────────────

function take(answer, args) {
  state.args = args;
  const usual = answer.usual || {};
  state.offers = (answer.offers || []).map((row) => {
    const offer = { ...usual, ...row };
    offer.words = [nameOf(offer), offer.untrusted_gpu_name, offer.location, offer.untrusted_location, offer.offer_id].filter(Boolean).join(" ").toLowerCase();
    return offer;
  });
  const rent = (answer.next_steps || []).find((step) => step.tool === "create_instance");
  state.next = (rent && rent.arguments) || { disk: answer.disk_gb };
  byId("warnings").replaceChildren(...warnings(answer));
  byId("found").hidden = !state.offers.length;
  if (!state.offers.length) return nothing(answer);
  const prices = state.offers.map((offer) => offer.usd_per_hour);
  byId("summary").textContent = `${state.offers.length} from ${hourly(Math.min(...prices))}, ${figure(answer.disk_gb)} GB disk included, traffic extra${answer.sandbox ? "; sandbox, no money moves" : ""}`;
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
    else say("");
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
  show: (answer, args) => { take(answer, args); showMore(answer, args); },
});
