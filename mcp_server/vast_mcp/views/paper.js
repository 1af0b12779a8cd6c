"use strict";
// A page on paper is its own host: it is given what was kept, and nothing is read or done from it.
// Its clock stands still at when it was written, so that what it says of times stays true.
{
  const kept = JSON.parse(document.getElementById("kept").textContent);
  const Clock = Date;
  globalThis.Date = class extends Clock {
    constructor(...given) {
      super(...(given.length ? given : [kept.at]));
    }

    static now() {
      return kept.at;
    }
  };
  window.parent = window; // in a frame, too: whoever shows it is not asked
  const asked = {
    "ui/initialize": () => ({
      protocolVersion: "2026-01-26",
      hostInfo: { name: "paper", version: "1" },
      hostCapabilities: {},
      hostContext: { theme: "light" },
    }),
    "tools/call": ({ name }) => Object.hasOwn(kept.answers, name) && { content: [], structuredContent: kept.answers[name] },
    "resources/read": ({ uri }) => Object.hasOwn(kept.resources, uri) && { contents: [{ uri, text: kept.resources[uri] }] },
  };
  const reply = (message) => window.postMessage({ jsonrpc: "2.0", ...message }, "*");
  window.addEventListener("message", (event) => {
    const message = event.data;
    if (event.source !== window || !message || message.jsonrpc !== "2.0") return;
    if (message.method === "ui/notifications/initialized") {
      const answer = { content: [], structuredContent: kept.answers[kept.first] };
      reply({ method: "ui/notifications/tool-result", params: answer });
    }
    if (!("method" in message) || !("id" in message)) return;
    event.stopImmediatePropagation(); // the page listens to the same window
    const result = Object.hasOwn(asked, message.method) && asked[message.method](message.params || {});
    if (result) reply({ id: message.id, result });
    else reply({ id: message.id, error: { code: -32601, message: "This is a copy on paper: nothing is read from it." } });
  });
}
