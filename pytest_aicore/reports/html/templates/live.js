"use strict";
// The page can be read without this: it polls, and sends what the buttons do.
(() => {
  const PERIOD = 800, live = document.getElementById("live"), said = document.getElementById("said");
  const key = document.getElementById("key"), clock = document.getElementById("clock");
  let tag = live.dataset.tag, token = "", polling = false;
  const say = (text, failed) => { said.textContent = text; said.classList.toggle("failed", Boolean(failed)); };

  // The token comes in the part of the address that is sent to nobody, and does not stay there.
  const keep = (value) => {
    token = value;
    try { sessionStorage.setItem("aicore-token", value); } catch { /* not allowed: the page has it as long as it lives */ }
    allow();
  };
  const show = () => {
    document.title = live.querySelector("h1").textContent + " · " + document.querySelector(".badge").textContent;
    live.querySelectorAll("pre[id]").forEach((each) => { each.scrollTop = each.scrollHeight; });
  };
  const allow = () => {
    if (!key) return;
    key.hidden = token !== "";
    clock.hidden = token === "";
    live.querySelectorAll("[data-action]").forEach((each) => { each.hidden = token === ""; });
  };
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) history.replaceState(null, "", location.pathname);
  try { token = sessionStorage.getItem("aicore-token") || ""; } catch { token = ""; }

  const seen = new Map();  // which details the reader has opened or closed
  const replace = (html) => {
    live.querySelectorAll("details[id]").forEach((each) => seen.set(each.id, each.open));
    const places = new Map(), focused = document.activeElement && document.activeElement.id;
    live.querySelectorAll("pre[id]").forEach((each) => {
      const atEnd = each.scrollHeight - each.scrollTop - each.clientHeight < 4;
      places.set(each.id, atEnd ? null : each.scrollTop);
    });
    const open = live.contains(document.activeElement) && document.activeElement.closest("details");
    live.innerHTML = html;
    live.querySelectorAll("details[id]").forEach((each) => { if (seen.has(each.id)) each.open = seen.get(each.id); });
    show();
    live.querySelectorAll("pre[id]").forEach((each) => { each.scrollTop = places.get(each.id) ?? each.scrollTop; });
    allow();
    const again = focused && document.getElementById(focused) || open && document.getElementById(open.id)?.querySelector("summary");
    if (again && live.contains(again)) again.focus({ preventScroll: true });
  };
  const poll = async () => {
    if (polling || document.hidden) return;
    polling = true;
    try {
      const answer = await fetch("live", { headers: { "If-None-Match": tag }, cache: "no-store" });
      document.getElementById("now").textContent = answer.headers.get("x-aicore-clock");
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        replace(await answer.text());
      }
      if (said.dataset.lost) { delete said.dataset.lost; say(""); }
    } catch {
      said.dataset.lost = "yes";
      say("The server does not answer; what stands here is what it said last.", true);
    }
    polling = false;
  };
  const act = async (call, body) => {
    try {
      const answer = await fetch("__aicore__/" + call, {
        method: "POST", body: JSON.stringify(body), headers: { "Authorization": "Bearer " + token },
      });
      if (answer.ok) say("");
      else {
        say(answer.status === 401 || answer.status === 403 ? "This token is not the server's." : (await answer.json()).error.message, true);
        if (answer.status === 401 || answer.status === 403) keep("");
      }
    } catch { say("The server does not answer.", true); }
    poll();
  };
  live.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button) act(button.dataset.action, { id: button.dataset.id });
  });
  if (key) {
    key.addEventListener("submit", (event) => { event.preventDefault(); say(""); keep(document.getElementById("token").value.trim()); });
    clock.addEventListener("submit", (event) => { event.preventDefault(); act("clock", { advance: Number(document.getElementById("seconds").value) }); });
  }
  document.addEventListener("visibilitychange", poll);
  if (given) keep(given); else allow();
  show();
  setInterval(poll, PERIOD);
})();
