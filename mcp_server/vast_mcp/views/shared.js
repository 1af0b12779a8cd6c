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
function strangers(text) {
  return make("bdi", { class: "stranger", dir: "auto", title: text.slice(0, 500) }, text);
}

// A label without the end that vast-mcp gives it; the whole is in the title. Null where that is all.
function labelled(text) {
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
  inner.style.setProperty("width", `${Math.max(0, Math.min(1, share)) * 100}%`);
  return make("span", { class: "gauge", "aria-hidden": "true" }, inner);
}

// A button that does one thing at a time: dead from the press until that has its answer.
function button(words, act, attributes) {
  const made = make("button", { type: "button", ...attributes }, words);
  made.addEventListener("click", async () => {
    if (made.getAttribute("aria-disabled") === "true") return;
    made.setAttribute("aria-disabled", "true");
    made.setAttribute("aria-busy", "true");
    let spent = false;
    try {
      spent = (await act(made)) === SPENT;
    } finally {
      made.removeAttribute("aria-busy");
      if (!spent) made.removeAttribute("aria-disabled");
    }
  });
  return made;
}
const SPENT = Symbol("a button that stays dead");

function say(words) {
  byId("status").textContent = words;
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

// Dollars with as many digits as tell two prices apart.
function dollars(value) {
  if (!isNumber(value)) return "not known";
  const size = Math.abs(value);
  let digits = 2;
  if (size > 0 && size < 0.1) digits = 4;
  else if (size > 0 && size < 10) digits = 3;
  return `${value < 0 ? "−" : ""}$${figure(size, digits, digits)}`;
}

const hourly = (value) => (isNumber(value) ? `${dollars(value)}/h` : "not known");
const upTo = (value) => Math.ceil(Number((value * 1000).toFixed(6))) / 1000;

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

// A name for one rental, which no other press has.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `view-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

// ── the host ───────────────────────────────────────────────────────────────────────────────────

const host = { capabilities: {}, context: {}, waiting: new Map(), asked: 0, ended: false };

function post(message) {
  window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

function ask(method, params) {
  const id = ++host.asked;
  return new Promise((resolve, reject) => {
    host.waiting.set(id, { resolve, reject });
    post({ id, method, params });
  });
}

// What a tool said instead of a result: its message, and what leads on.
class Refusal extends Error {
  constructor(error) {
    super(error.message || "The call failed, and no reason was given.");
    this.code = error.code || "unknown";
    this.billing = error.billing_possible !== false;
    this.retryable = error.retryable === true;
    this.steps = Array.isArray(error.next_steps) ? error.next_steps : [];
  }
}

// The answer of a tool: its structure, or the same JSON as text, which some hosts alone pass on.
function answerOf(result) {
  let answer = result && result.structuredContent;
  if (!answer) {
    const text = result && result.content && result.content[0] && result.content[0].text;
    try {
      answer = JSON.parse(text);
    } catch {
      const message = text || "No answer came: the host may be asking about it in the chat.";
      throw new Refusal({ code: "no_answer", message: String(message).slice(0, 400) });
    }
  }
  if (answer.error) throw new Refusal(answer.error);
  return answer;
}

async function callTool(name, args) {
  let result;
  try {
    result = await ask("tools/call", { name, arguments: args });
  } catch (error) {
    const message = String((error && error.message) || "The host did not make the call.");
    throw new Refusal({ code: "host", message: message.slice(0, 400) });
  }
  return answerOf(result);
}

// Let the model know what was done here, where the host passes that on.
function tellModel(text) {
  if (!host.capabilities.updateModelContext) return;
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

// Begin a page: `tool` is whose answer it shows, `show(answer, args)` draws one, `end` stops it.
function begin({ name, tool, show, end }) {
  let args = {};
  let shown = false;
  const draw = (take) => {
    shown = true;
    try {
      show(take(), args);
    } catch (error) {
      showFailure(error);
    }
  };
  const told = {
    "ui/notifications/tool-input": (params) => { args = (params && params.arguments) || {}; },
    "ui/notifications/tool-result": (params) => draw(() => answerOf(params)),
    "ui/notifications/tool-cancelled": () => { shown = true; say("The call was cancelled."); },
    "ui/notifications/host-context-changed": (params) => takeContext(params || {}),
  };
  const asked = {
    ping: () => ({}),
    "ui/resource-teardown": () => { host.ended = true; if (end) end(); return {}; },
  };
  window.addEventListener("message", (event) => {
    const message = event.data;
    if (event.source !== window.parent || !message || message.jsonrpc !== "2.0") return;
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
    host.capabilities = answer.hostCapabilities || {};
    takeContext(answer.hostContext || {});
  }, () => {}).then(() => {
    clearTimeout(lost);
    post({ method: "ui/notifications/initialized", params: {} });
    tellSize();
    setTimeout(async () => {
      if (shown || host.ended) return;
      try {
        const answer = await callTool(tool, args);
        if (!shown) draw(() => answer);
      } catch (error) {
        if (!shown) showFailure(error);
      }
    }, NO_RESULT_MS);
  });
}

function settle(message) {
  const waiting = host.waiting.get(message.id);
  if (!waiting) return;
  host.waiting.delete(message.id);
  if (message.error) waiting.reject(message.error);
  else waiting.resolve(message.result);
}

function showFailure(error) {
  byId("failure").replaceChildren(failure(error));
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
  return (answer.warnings || []).map((words) => note("warn", make("p", {}, words)));
}
