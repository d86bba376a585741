"use strict";
(function () {
  const byId = (name) => document.getElementById(name);
  const format = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

  // Theme: the reader's choice, remembered where the browser allows it.
  const theme = byId("theme");
  const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const remember = (value) => { try { localStorage.setItem("curate-theme", value); } catch (error) { /* a file opened from disk may have no storage */ } };
  const remembered = () => { try { return localStorage.getItem("curate-theme"); } catch (error) { return null; } };
  const name = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  const choice = remembered();
  if (choice === "dark" || choice === "light") document.documentElement.dataset.theme = choice;
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    remember(document.documentElement.dataset.theme);
    name();
  });
  theme.hidden = false;
  name();

  // Rules: find and open.
  const rules = Array.from(document.querySelectorAll("#rules details.rule"));
  const tools = byId("rule-tools");
  if (tools) {
    tools.hidden = false;
    const shown = () => rules.filter((rule) => !rule.hidden);
    byId("open-all").addEventListener("click", () => shown().forEach((rule) => { rule.open = true; }));
    byId("close-all").addEventListener("click", () => shown().forEach((rule) => { rule.open = false; }));
    byId("rule-filter").addEventListener("input", (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      rules.forEach((rule) => { rule.hidden = wanted !== "" && !rule.textContent.toLowerCase().includes(wanted); });
      byId("rule-found").textContent = wanted === "" ? "" : shown().length + " of " + rules.length + " rules";
    });
  }

  // A printed page holds what is open on the screen and every rule's examples.
  let opened = [];
  addEventListener("beforeprint", () => { opened = rules.filter((rule) => !rule.open); opened.forEach((rule) => { rule.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((rule) => { rule.open = false; }); opened = []; });

  // Histograms: read a bin with the pointer or the arrow keys.
  const data = JSON.parse(byId("bins").textContent);
  document.querySelectorAll("figure.signal").forEach((figure) => {
    const entry = data[Number(figure.dataset.bins)];
    const drawing = figure.querySelector("svg");
    const reading = figure.querySelector(".reading");
    const atRest = reading.textContent;
    const bins = entry.edges.length - 1;
    const width = drawing.viewBox.baseVal.width, height = drawing.viewBox.baseVal.height;
    const whole = entry.edges.every((edge) => Math.abs(edge % 1) === 0.5);
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("width", width / bins);
    cursor.setAttribute("height", height - 16);
    let bin = -1;
    const range = () => {
      const low = entry.edges[bin], high = entry.edges[bin + 1];
      if (whole) return high - low === 1 ? format.format(low + 0.5) : format.format(low + 0.5) + " to " + format.format(high - 0.5);
      return format.format(low) + " to " + format.format(high);
    };
    const read = (next) => {
      bin = Math.max(0, Math.min(bins - 1, next));
      cursor.setAttribute("x", bin * width / bins);
      drawing.append(cursor);
      const count = entry.counts;
      const removed = count.removed_here[bin] + count.removed_elsewhere[bin];
      reading.textContent = range() + ": " + count.kept[bin].toLocaleString("en") + " kept, " + removed.toLocaleString("en") + " removed";
    };
    const rest = () => { bin = -1; cursor.remove(); reading.textContent = atRest; };
    drawing.addEventListener("pointermove", (event) => {
      const box = drawing.getBoundingClientRect();
      read(Math.floor((event.clientX - box.left) / box.width * bins));
    });
    drawing.addEventListener("pointerleave", rest);
    figure.addEventListener("blur", rest);
    figure.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { read(bin < 0 && step < 0 ? bins - 1 : bin + step); event.preventDefault(); }
    });
  });
})();
