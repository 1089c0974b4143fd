// A table of the page: sends every change in it, and keeps focus and typed text when it is drawn anew.
// `element`, `trigger` and `watch` are Gradio's.
const glass = (window.speechglass ??= {});
glass.quiet ??= new WeakSet(); // texts whose typing went with an action
glass.undone ??= new WeakSet(); // lists that had the focus when a change was undone or redone
const own = (t) => ({ kind: t.dataset.edit, person: t.dataset.person || "", phrase: t.dataset.phrase || "", face: t.dataset.face || "" });
const send = (data) => trigger("edit", data);
if (element.closest("#transcript") || element.id === "transcript") {
  glass.send = send;
  glass.ask = (data) => trigger("submit", data); // what takes a run
}
else glass.send ??= send;

let focused = null;
element.addEventListener("focusin", (e) => { focused = e.target.id || null; });
element.addEventListener("change", (e) => {
  const t = e.target.closest("[data-edit]");
  if (!t || t.tagName === "BUTTON" || glass.quiet.has(t)) return;
  if (t.tagName === "SELECT" && t.dataset.edit === "give") return send({ ...own(t), value: t.value });
  send({ ...own(t), value: t.value });
});
element.addEventListener("click", (e) => {
  const t = e.target.closest("button[data-edit]");
  if (!t) return;
  if (t.closest(".menu")) t.closest(".menu").open = false;
  if (t.dataset.phrase && glass.act && t.dataset.phrase !== "-1") return glass.act(t.dataset.edit, t.dataset.phrase);
  send({ ...own(t), value: t.dataset.value || "" });
});
watch("value", () => {
  // Gradio patches the elements that are there: what was typed into one stays until it is set back to what was sent.
  for (const box of element.querySelectorAll("input:not([type=checkbox]), textarea")) {
    if (box.value !== box.defaultValue && (box !== document.activeElement || glass.quiet.has(box))) box.value = box.defaultValue;
    glass.quiet.delete(box);
  }
  for (const list of element.querySelectorAll("select")) {
    if (list !== document.activeElement || glass.undone.has(list)) list.selectedIndex = Math.max(0, [...list.options].findIndex((o) => o.defaultSelected));
    glass.undone.delete(list);
  }
  const wanted = glass.focusNext ?? (document.activeElement === document.body ? focused : null);
  const next = wanted && element.querySelector("#" + CSS.escape(wanted));
  if (next) { glass.focusNext = null; next.focus({ preventScroll: true }); }
  glass.redrawn?.();
});
