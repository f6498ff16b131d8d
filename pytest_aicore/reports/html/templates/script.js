"use strict";
// Everything can be read without this: it adds search, filters, copying, keys and zooming.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const runs = all("details.run:not(.source, .trend)"), form = document.querySelector(".filter"), q = document.getElementById("q");
  const found = document.getElementById("found"), buttons = all("button[data-state]");
  const known = new Set(buttons.map((each) => each.dataset.state));
  const stateOf = (run) => run.classList[1];
  let states = new Set(), anchor = "";
  form.hidden = runs.length === 0;
  all(".keys, .copier").forEach((each) => { each.hidden = false; });

  // The address has the place and the filter: #run-ID?state=failed&q=text
  const read = () => {
    const [place, filter = ""] = location.hash.slice(1).split("?");
    const values = new URLSearchParams(filter);
    anchor = place;
    states = new Set((values.get("state") || "").split(",").filter((each) => known.has(each)));
    q.value = values.get("q") || "";
    apply();
    const target = place && document.getElementById(decodeURIComponent(place));
    if (target) {
      for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") { node.open = true; node.hidden = false; }
      target.scrollIntoView();
    }
  };
  const write = () => {
    const values = new URLSearchParams();
    if (states.size) values.set("state", [...states].join(","));
    if (q.value) values.set("q", q.value);
    const filter = values.toString();
    history.replaceState(null, "", "#" + anchor + (filter ? "?" + filter : ""));
  };
  const apply = () => {
    const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const run of runs) {
      const text = words.length ? run.textContent.toLowerCase() : "";
      run.hidden = (states.size > 0 && !states.has(stateOf(run))) || !words.every((word) => text.includes(word));
      shown += run.hidden ? 0 : 1;
    }
    buttons.forEach((each) => each.setAttribute("aria-pressed", states.has(each.dataset.state)));
    found.textContent = words.length || states.size ? `${shown} of ${runs.length} runs` : "";
  };
  const change = () => { apply(); write(); };
  form.addEventListener("submit", (event) => event.preventDefault());
  q.addEventListener("input", change);
  buttons.forEach((each) => each.addEventListener("click", () => {
    const state = each.dataset.state;
    if (!states.delete(state)) states.add(state);
    change();
  }));
  addEventListener("hashchange", read);

  all(".copier").forEach((each) => each.addEventListener("click", async () => {
    const text = each.parentElement.querySelector("pre");
    getSelection().selectAllChildren(text);
    try { await navigator.clipboard.writeText(text.textContent); } catch { document.execCommand("copy"); }
    each.textContent = "Copied";
  }));

  const go = (step, wanted) => {
    const shown = runs.filter((run) => !run.hidden && wanted(run));
    if (!shown.length) return;
    const here = shown.indexOf(document.activeElement.closest("details.run"));
    const next = shown[here < 0 ? (step > 0 ? 0 : shown.length - 1) : (here + step + shown.length) % shown.length];
    next.querySelector("summary").focus();
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input[type=search]")) {
      if (event.key === "Escape") { q.value = ""; change(); q.blur(); }
      return;
    }
    const keys = { "/": () => q.focus(), j: () => go(1, () => true), k: () => go(-1, () => true), f: () => go(1, (run) => stateOf(run) === "failed") };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // Zoom: drag over the timeline; a double click or Escape shows all of it again.
  const rows = all(".timeline .row svg[viewBox]"), ticks = all(".timeline .axis text"), width = 1000;
  const places = ticks.map((each) => parseFloat(each.getAttribute("x")) * width / 100);
  const zoom = (from, to) => {
    rows.forEach((each) => each.setAttribute("viewBox", `${from} 0 ${to - from} 10`));
    ticks.forEach((each, index) => {
      const x = (places[index] - from) / (to - from) * 100;
      each.setAttribute("x", x + "%");
      each.setAttribute("visibility", x < 0 || x > 97 ? "hidden" : "visible");
    });
    range = [from, to];
  };
  let range = [0, width], began = null, dragged = false;
  const at = (event) => {
    const box = rows[0].getBoundingClientRect();
    return range[0] + Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * (range[1] - range[0]);
  };
  const timeline = document.querySelector(".timeline");
  if (timeline && rows.length) {
    timeline.addEventListener("pointerdown", (event) => { began = event.target.closest("svg") ? at(event) : null; dragged = false; });
    timeline.addEventListener("pointerup", (event) => {
      if (began === null) return;
      const [from, to] = [began, at(event)].sort((a, b) => a - b);
      dragged = to - from > (range[1] - range[0]) / 50;
      if (dragged) zoom(from, to);
      began = null;
    });
    timeline.addEventListener("click", (event) => { if (dragged) event.preventDefault(); });
    timeline.addEventListener("dragstart", (event) => event.preventDefault());
    timeline.addEventListener("dblclick", () => zoom(0, width));
    timeline.addEventListener("keydown", (event) => {
      const middle = (range[0] + range[1]) / 2, half = (range[1] - range[0]) / 2;
      if (event.key === "+") zoom(middle - half / 2, middle + half / 2);
      if (event.key === "-") zoom(Math.max(middle - half * 2, 0), Math.min(middle + half * 2, width));
      if (event.key === "Escape") zoom(0, width);
    });
  }
  addEventListener("beforeprint", () => all("details.run.failed").forEach((run) => { run.open = true; }));
  read();
})();
