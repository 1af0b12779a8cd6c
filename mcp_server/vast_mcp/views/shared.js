"use strict";
// What all pages share: making elements, numbers in English, and the talk with the host
// (MCP Apps, protocol of 2026-01-26). Nothing here makes markup of text.

// ── elements ───────────────────────────────────────────────────────────────────────────────────

const byId = (id) => document.getElementById(id);

const DRAWN = new Set(["svg", "circle", "line", "path", "text", "title"]);

// An element with attributes and children; texts become text nodes, null is left out.
function make(tag, attributes, ...children) {
  const made = DRAWN.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return made;
}

// What a stranger wrote: text, on one line, in its own direction; whole in the title.
function strangers(written) {
  const text = String(written);
  return make("bdi", { class: "stranger", dir: "auto", title: text.slice(0, 500) }, text);
}

// A label without the end that vast-mcp gives it; the whole is in the title. Null where that is all.
function labelled(written) {
  const text = String(written);
  const own = text.replace(/(^vast-mcp)?( lease-until=\d+)?#[0-9a-f]{16}$/, "").trim();
  if (!own) return null;
  const made = strangers(own);
  made.title = text.slice(0, 500);
  return made;
}

function note(kind, ...children) {
  return make("div", { class: `note ${kind}`, role: kind === "bad" ? "alert" : null }, ...children);
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return make("dl", { class: "facts" }, shown.map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

// A bar of how much of a whole, told in words beside it.
function gauge(share) {
  const inner = make("i");
  inner.style.setProperty("width", `${Math.max(0, Math.min(1, share || 0)) * 100}%`);
  return make("span", { class: "gauge", "aria-hidden": "true" }, inner);
}

// A button that does one thing at a time: dead from the press until that has its answer, and for
// as long after it as the act returns, in ms; Infinity: for good.
function button(words, act, attributes) {
  const made = make("button", { type: "button", ...attributes }, words);
  const free = () => made.removeAttribute("aria-disabled");
  made.addEventListener("click", async () => {
    if (made.getAttribute("aria-disabled") === "true") return;
    made.setAttribute("aria-disabled", "true");
    made.setAttribute("aria-busy", "true");
    let rest = 0;
    try {
      rest = (await act(made)) || 0;
    } catch (error) {
      showFailure(error);
    }
    made.removeAttribute("aria-busy");
    if (rest === 0) free();
    else if (rest < Infinity) setTimeout(free, rest);
  });
  return made;
}

// What changed, for a screen reader too; and of when it is, which nobody wants read out each time.
function say(words) {
  byId("status").textContent = words;
}

function saidOf(date) {
  byId("as-of").textContent = `As of ${clock(date)}.`;
}

// ── numbers ────────────────────────────────────────────────────────────────────────────────────

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

const formats = new Map(); // to make one takes longer than to use it a hundred times

function figure(value, most = 1, least = 0) {
  if (!isNumber(value)) return "–";
  const key = most * 100 + least;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat("en-US", { maximumFractionDigits: most, minimumFractionDigits: least });
    formats.set(key, format);
  }
  return format.format(value);
}

// So many digits of dollars; what rounds to nothing has no sign.
function rounded(value, digits) {
  const words = figure(Math.abs(value), digits, digits);
  return `${value < 0 && /[1-9]/.test(words) ? "−" : ""}$${words}`;
}

// Dollars with as many digits as tell two prices apart.
function dollars(value) {
  if (!isNumber(value)) return "not known";
  const size = Math.abs(value);
  let digits = 2;
  if (size > 0 && size < 0.00005) return "under $0.0001";
  if (size > 0 && size < 0.1) digits = 4;
  else if (size > 0 && size < 10) digits = 3;
  return rounded(value, digits);
}

const cents = (value) => (isNumber(value) ? rounded(value, 2) : "not known");
const hourly = (value) => (isNumber(value) ? `${dollars(value)}/h` : "not known");

// A price rounded up to the digits that it is shown with.
function upTo(value) {
  const parts = value < 0.1 ? 10_000 : 1000;
  return Math.ceil(Number((value * parts).toFixed(6))) / parts;
}


function lasting(seconds) {
  if (!isNumber(seconds)) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) {
    const h = Math.floor(s / 3600);
    const min = Math.round((s % 3600) / 60);
    return h < 10 && min && min < 60 ? `${h} h ${min} min` : `${Math.round(s / 3600)} h`;
  }
  return `${figure(s / 86400)} days`;
}

const clock = (date) => date.toLocaleTimeString("en-GB");

// A moment of the server's, as people write it; what is none stays as it is.
function moment(told) {
  const date = new Date(told);
  if (Number.isNaN(date.getTime())) return String(told);
  return `${date.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" })} UTC`;
}

// A name for one rental, which no other press has.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `view-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

// ── the host ───────────────────────────────────────────────────────────────────────────────────

const host = { capabilities: {}, context: {}, waiting: new Map(), asked: 0, ended: false, told: [] };

function post(message) {
  window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

function ask(method, params) {
  const id = ++host.asked;
  return new Promise((resolve, reject) => {
    host.waiting.set(String(id), { resolve, reject }); // some hosts give ids back as texts
    post({ id, method, params });
  });
}

// What a tool said instead of a result: its message, and what leads on.
class Refusal extends Error {
  constructor(error) {
    super(String(error.message || "The call failed, and no reason was given."));
    this.code = String(error.code || "unknown");
    this.billing = error.billing_possible !== false;
    this.restS = isNumber(error.retry_after_s) ? error.retry_after_s : 0;
    this.steps = Array.isArray(error.next_steps) ? error.next_steps : [];
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// The answer of a tool: its structure, or the same JSON as text, which some hosts alone pass on.
// What is neither, or is marked as an error without saying which, is no success.
function answerOf(result) {
  let answer = result && result.structuredContent;
  const parts = result && Array.isArray(result.content) ? result.content : [];
  const text = (parts.find((part) => part && typeof part.text === "string") || {}).text;
  if (!isObject(answer)) {
    try {
      answer = JSON.parse(text);
    } catch {
      answer = null;
    }
  }
  if (isObject(answer) && isObject(answer.error)) throw new Refusal(answer.error);
  if (!isObject(answer) || answer.error || result.isError) {
    const message = text || "No answer came: the host may be asking about it in the chat.";
    throw new Refusal({ code: "no_answer", message: message.slice(0, 400) });
  }
  return answer;
}

const SILENT_MS = 75_000; // no call of the server's takes so long

// Call a tool. Where no answer comes in time that is said, and one that comes after all goes to
// `late`, as a promise like this one.
function callTool(name, args, late) {
  const reply = ask("tools/call", { name, arguments: args }).then(answerOf, (error) => {
    const message = String((error && error.message) || "The host did not make the call.");
    // A host without the method has sent nothing; of others that is not known.
    throw new Refusal({ code: "host", message: message.slice(0, 400), billing_possible: !(error && error.code === -32601) });
  }).then((answer) => {
    takeNotices(answer);
    return answer;
  });
  return new Promise((resolve, reject) => {
    const silence = setTimeout(() => {
      reject(new Refusal({
        code: "no_answer",
        message: `No answer in ${SILENT_MS / 1000} s: the host may be asking about it in the chat, or have lost it.`,
      }));
      if (late) late(reply);
    }, SILENT_MS);
    reply.then(resolve, reject).finally(() => clearTimeout(silence));
  });
}

// What the server tells once, of machines of earlier calls: with an answer that came to this page
// the model does not hear it, so it is shown here and passed on.
function takeNotices(answer) {
  const notices = showNotices(answer);
  if (notices.length) tellModel(...notices);
}

function showNotices(answer) {
  const there = [...byId("notices").children].map((one) => one.textContent);
  const notices = (Array.isArray(answer.notices) ? answer.notices : []).map(String)
    .filter((words) => !there.includes(words));
  for (const words of notices) byId("notices").append(note("warn", make("p", {}, words)));
  return notices;
}

async function readResource(uri) {
  let result;
  try {
    result = await ask("resources/read", { uri });
  } catch {
    throw new Refusal({ code: "host", message: "This host lets the page not read it." });
  }
  const answer = answerOf({ content: result && result.contents });
  takeNotices(answer);
  return answer;
}

const TOLD_MOST = 20;

// Let the model know what was done here, where the host passes that on. Each word to it takes the
// place of the last one, so all that was done goes with each.
function tellModel(...texts) {
  host.told.push(...texts);
  if (!host.capabilities.updateModelContext) return;
  const text = host.told.slice(-TOLD_MOST).join("\n");
  ask("ui/update-model-context", { content: [{ type: "text", text }] }).catch(() => {});
}

function takeContext(context) {
  Object.assign(host.context, context);
  const { theme, styles } = host.context;
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = theme || (dark ? "dark" : "light");
  const font = styles && styles.variables && styles.variables["--font-sans"];
  if (font) document.documentElement.style.setProperty("--font-sans", font);
}

function tellSize() {
  const told = { width: 0, height: 0 };
  let timer = 0;
  new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const width = window.innerWidth;
      const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
      if (width === told.width && height === told.height) return;
      Object.assign(told, { width, height });
      post({ method: "ui/notifications/size-changed", params: { ...told } });
    }, 60);
  }).observe(document.documentElement);
}

const NO_HOST_MS = 5000;
const NO_RESULT_MS = 3000;

// Begin a page: `tool` is whose answer it shows, `show(answer, args)` draws one, `end` stops it. An
// answer that the host hands over after the page has read one itself is older, and left.
function begin({ name, tool, show, end }) {
  let args = {};
  let shown = false;
  const draw = async (answer) => {
    shown = true;
    try {
      byId("failure").replaceChildren();
      await show(answer, args);
    } catch (error) {
      showFailure(error);
    }
  };
  let reading = false;
  const read = async () => {
    if (shown || reading || host.ended) return;
    reading = true;
    try {
      const answer = await callTool(tool, args);
      if (!shown) draw(answer);
    } catch (error) {
      if (!shown) showFailure(error);
    }
  };
  const handed = (result) => {
    if (shown) return undefined;
    try {
      const answer = answerOf(result);
      showNotices(answer);
      return draw(answer);
    } catch (error) {
      if (error.code === "no_answer") return read(); // cut off by the host, or in another form
      shown = true;
      return showFailure(error);
    }
  };
  const told = {
    "ui/notifications/tool-input": (params) => { args = (params && params.arguments) || {}; },
    "ui/notifications/tool-result": handed,
    "ui/notifications/tool-cancelled": () => { shown = true; say("The call was cancelled."); },
    "ui/notifications/host-context-changed": (params) => takeContext(params || {}),
  };
  const asked = {
    ping: () => ({}),
    "ui/resource-teardown": () => { host.ended = true; if (end) end(); return {}; },
  };
  window.addEventListener("message", (event) => {
    const message = event.data;
    if (event.source !== window.parent || !isObject(message) || message.jsonrpc !== "2.0") return;
    if (!("method" in message)) return settle(message);
    if (!("id" in message)) {
      if (Object.hasOwn(told, message.method)) told[message.method](message.params);
    } else if (Object.hasOwn(asked, message.method)) {
      post({ id: message.id, result: asked[message.method]() });
    } else {
      post({ id: message.id, error: { code: -32601, message: "This view has no such method." } });
    }
  });
  takeContext({});
  const lost = setTimeout(() => say("The host does not answer this view."), NO_HOST_MS);
  ask("ui/initialize", {
    appInfo: { name: `vast-mcp-${name}`, version: "1" },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    protocolVersion: "2026-01-26",
  }).then((answer) => {
    host.capabilities = (answer && answer.hostCapabilities) || {};
    takeContext((answer && answer.hostContext) || {});
  }).catch(() => {}).then(() => {
    clearTimeout(lost);
    post({ method: "ui/notifications/initialized", params: {} });
    tellSize();
    setTimeout(read, NO_RESULT_MS);
  });
}

function settle(message) {
  const id = String(message.id);
  const waiting = host.waiting.get(id);
  if (!waiting) return;
  host.waiting.delete(id);
  if (message.error) waiting.reject(message.error);
  else waiting.resolve(message.result);
}

function showFailure(error) {
  const made = failure(error);
  // Told anew only where it is another: it is read out.
  if (byId("failure").textContent !== made.textContent) byId("failure").replaceChildren(made);
  say("");
}

// A failure in the tool's own words, and what it says leads on.
function failure(error) {
  const steps = (error.steps || []).filter((step) => step && step.why).slice(0, 3);
  return note("bad", make("p", {}, error.message || String(error)),
    ...steps.map((step) => make("p", { class: "muted" }, `${step.tool}: ${step.why}`)));
}

// Warnings of an answer: the server's own words.
function warnings(answer) {
  return (Array.isArray(answer.warnings) ? answer.warnings : []).map((words) => note("warn", make("p", {}, String(words))));
}
