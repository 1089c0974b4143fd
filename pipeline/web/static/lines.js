// Work on lines: keys, chosen lines, find and replace, ends dragged on the timeline.
(() => {
  const glass = (window.speechglass ??= {});
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const visible = (e) => e && e.offsetParent !== null;
  let caret = null; // {phrase, translated, at}: where the caret was last in a text

  const caretOf = (box) => ({ phrase: box.dataset.phrase, translated: box.classList.contains("translation"), at: box.selectionStart });
  document.addEventListener("selectionchange", () => {
    const box = document.activeElement;
    if (box?.matches?.("#transcript textarea")) caret = caretOf(box);
  });

  // What was typed but not sent yet goes with the action, so that both happen in order.
  glass.act = (kind, phrase) => {
    const data = { kind, phrase, value: "" };
    const box = document.activeElement;
    const inside = box?.matches?.("#transcript textarea") && box.dataset.phrase === phrase ? box : null;
    if (kind === "split") {
      const here = inside ? caretOf(inside) : caret; // the event of its last move may still be on the way
      if (here?.phrase !== phrase) { const source = $(`#source-${phrase}`); source?.focus(); return; }
      Object.assign(data, { at: String(here.at), translated: here.translated });
    }
    const dirty = all(`#transcript textarea[data-phrase="${phrase}"]`).filter((b) => b.value !== b.defaultValue);
    if (dirty.length) data.typed = dirty.map((b) => ({ kind: b.dataset.edit, phrase, value: b.value }));
    if (inside) { glass.quiet.add(inside); glass.focusNext = kind === "remove" ? null : inside.id; }
    (kind === "again" ? glass.ask : glass.send)?.(data);
  };

  // --- chosen lines

  const chosen = () => all("#transcript .pick:checked").map((box) => box.dataset.phrase);
  function showChosen() {
    const bar = $("#chosen"), numbers = chosen();
    if (!bar) return;
    bar.hidden = !numbers.length;
    if (bar.hidden) return;
    bar.querySelector("b").textContent = numbers.length === 1 ? "1 line selected" : `${numbers.length} lines selected`;
    const list = $("#chosen-to"), options = $("#transcript template.choices")?.innerHTML ?? "";
    const html = `<option value="-">…</option>${options}<option value="">Nobody</option><option value="new">New speaker</option>`;
    if (list.dataset.html !== html) { list.dataset.html = html; list.innerHTML = html; }
    list.value = "-";
  }
  const letGo = () => { all("#transcript .pick:checked").forEach((box) => { box.checked = false; }); showChosen(); };
  document.addEventListener("change", (event) => {
    if (event.target.matches(".pick")) showChosen();
    if (event.target.id === "chosen-to" && event.target.value !== "-") {
      glass.send?.({ kind: "give", lines: chosen(), value: event.target.value });
      letGo();
    }
  });
  document.addEventListener("click", (event) => {
    const id = event.target.closest("button")?.id;
    if (id === "chosen-none") letGo();
    if (id === "chosen-again") { glass.ask?.({ kind: "again", lines: chosen() }); letGo(); }
    if (id === "chosen-remove") { glass.send?.({ kind: "remove", lines: chosen() }); letGo(); }
    if (id === "replace-all") {
      glass.send?.({ kind: "replace", find: $("#find-text").value, value: $("#replace-text").value,
        translated: $("#find-in").value === "translation", case: $("#find-case").checked });
    }
    if (id === "keys-button") $("#keys")?.showModal();
    if (id === "keys-close") $("#keys")?.close();
    // An open menu closes when something else is clicked.
    all("details.menu[open], details.sure[open], details.faces[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  // --- find

  function count() {
    const text = $("#find")?.open ? $("#find-text").value : "", where = $("#find-in")?.value ?? "source", same = $("#find-case")?.checked;
    const fold = (s) => (same ? s : s.toLowerCase());
    let found = 0;
    for (const row of all("#transcript .line")) {
      const box = row.querySelector(`textarea.${where}`);
      const hits = text && box ? fold(box.value).split(fold(text)).length - 1 : 0;
      if (hits) row.dataset.found = where; else delete row.dataset.found;
      found += hits;
    }
    const label = $("#find-count");
    if (label) label.textContent = text ? `${found} found` : "";
  }
  document.addEventListener("input", (event) => { if (event.target.closest("#find")) count(); });
  document.addEventListener("change", (event) => { if (event.target.closest("#find")) count(); });
  document.addEventListener("toggle", (event) => { if (event.target.id === "find") count(); }, true);

  // --- keys

  const rowOf = (e) => e?.closest?.("#transcript .line");
  const lit = () => rowOf(document.activeElement) ?? $("#transcript .line.now");
  function step(by) {
    const rows = all("#transcript .line"), at = rows.indexOf(lit());
    const row = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    const kind = document.activeElement?.matches?.("#transcript textarea.translation") ? "translation" : "source";
    const box = row?.querySelector(`textarea.${kind}`);
    box?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }
  const press = (id) => { const button = $(id); if (visible(button) && !button.disabled) button.click(); };
  const PLAIN = {
    " ": () => glass.toggle(), k: () => glass.toggle(),
    j: () => shift(-2), l: () => shift(2),
    "?": () => $("#keys")?.showModal(),
  };
  function shift(by) { const v = $("#result-video video"); if (v) v.currentTime = Math.max(0, v.currentTime + by); }
  const ON_LINE = { KeyS: "split", KeyM: "join", KeyN: "add", KeyT: "again", Delete: "remove" };
  const alt = (event) => {
    const row = lit(), code = /^[a-z]$/i.test(event.key) ? `Key${event.key.toUpperCase()}` : event.code;
    if (code === "ArrowUp" || code === "ArrowDown") return step(code === "ArrowUp" ? -1 : 1), true;
    if (code === "KeyF") { const find = $("#find"); if (find) { find.open = true; $("#find-text").focus(); } return true; }
    if (!row) return false;
    if (code in ON_LINE) return glass.act(ON_LINE[code], row.dataset.phrase), true;
    if (code === "KeyP") return glass.seek(+row.dataset.start, { end: +row.dataset.end }), true;
    if (code === "KeyX") { const box = row.querySelector(".pick"); if (box) { box.checked = !box.checked; showChosen(); } return true; }
    if (code === "BracketLeft" || code === "BracketRight") {
      glass.send?.({ kind: code === "BracketLeft" ? "start" : "end", phrase: row.dataset.phrase, value: glass.time().toFixed(2) });
      return true;
    }
    return false;
  };
  const TEXT = "textarea, input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=color]):not([type=file])";
  const MAC = /^(Mac|iP)/.test(navigator.platform);
  // Option types letters on a Mac (ś, ń, ź on a Polish layout); elsewhere Alt types none, whatever the layout has on the key.
  const types = (event) => MAC && event.altKey && !event.ctrlKey && event.target.matches?.(TEXT)
    && (event.key === "Dead" || ([...event.key].length === 1 && !/^[a-z]$/i.test(event.key)));
  const isAlt = (event) => event.altKey && !event.metaKey && (!event.ctrlKey || MAC);
  // A text keeps the browser's own undo, unless it is one of the result's without unsent typing.
  const undoes = (field) => !field.matches?.(TEXT) || (!!field.closest("#transcript, #gallery") && field.value === field.defaultValue);
  function undo(event) {
    const key = event.key.toLowerCase();
    if (!["z", "y"].includes(key) || !undoes(event.target)) return;
    event.preventDefault();
    if (event.target.matches?.("select")) glass.undone?.add(event.target);
    press(key === "z" && !event.shiftKey ? "#undo" : "#redo");
  }
  const playing = () => { const v = $("#result-video video"); return !!v && !v.paused; };
  let held = false; // Space has paused what a button plays: neither its repetition nor its release presses the button
  function pauses(event) {
    if (event.key !== " ") return false;
    held = event.repeat ? held : playing() && !!event.target.matches?.("button[data-seek]");
    if (held && !event.repeat) glass.toggle();
    return held;
  }
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && held) { held = false; event.preventDefault(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || types(event)) return; // a character is being written
    const typing = event.target.matches?.(`${TEXT}, select`);
    const mine = !$("dialog[open]");
    if (isAlt(event) && mine) { if (alt(event)) event.preventDefault(); return; }
    if ((event.ctrlKey || event.metaKey) && !event.altKey && mine) { undo(event); return; }
    // Enter ends an edit, as in a table.
    if (event.key === "Enter" && event.target.matches("#transcript textarea, #transcript .times input, #gallery input.name")) {
      event.preventDefault();
      event.target.blur();
      return;
    }
    if (typing || !mine || event.ctrlKey || event.metaKey) return;
    if (pauses(event)) { event.preventDefault(); return; }
    if (event.key === " " && event.target.closest("button, summary, a, [role=button], input, video")) return;
    const does = PLAIN[event.key];
    if (does) { event.preventDefault(); does(); }
  });

  // --- ends dragged on the timeline

  const EDGE = 9;
  const edge = (bar, x) => {
    const box = bar.getBoundingClientRect(), reach = Math.min(EDGE, box.width / 3);
    return x - box.left < reach ? "start" : box.right - x < reach ? "end" : null;
  };
  let drag = null;
  document.addEventListener("pointermove", (event) => {
    const bar = event.target.closest?.("#timeline rect.said");
    if (bar && !drag) bar.style.cursor = edge(bar, event.clientX) ? "ew-resize" : "pointer";
    if (event.pointerId !== drag?.pointer) return;
    const box = drag.svg.getBoundingClientRect();
    const t = Math.min(drag.duration, Math.max(0, ((event.clientX - box.left) / box.width) * drag.duration));
    const start = drag.side === "start" ? Math.min(t, drag.end - 0.1) : drag.start, end = drag.side === "end" ? Math.max(t, drag.start + 0.1) : drag.end;
    drag.bar.setAttribute("x", start); drag.bar.setAttribute("width", end - start);
    drag.value = drag.side === "start" ? start : end;
    if (drag.row) { drag.row.dataset.start = start; drag.row.dataset.end = end; glass.draw?.(); }
  });
  document.addEventListener("pointerdown", (event) => {
    const bar = event.target.closest?.("#timeline rect.said"), side = bar && edge(bar, event.clientX);
    if (!side) return;
    event.preventDefault();
    if (drag) cancel();
    const x = bar.getAttribute("x"), width = bar.getAttribute("width"), row = $(`#transcript .line[data-phrase="${bar.dataset.phrase}"]`);
    drag = { bar, row, side, start: +x, end: +x + +width, before: { x, width, ...row?.dataset }, pointer: event.pointerId,
      svg: bar.ownerSVGElement, duration: +bar.closest(".timeline").dataset.duration, value: null };
    bar.dataset.dragged = "1";
  });
  function drop() {
    const { bar } = drag;
    drag = null;
    setTimeout(() => { delete bar.dataset.dragged; }, 0);
  }
  function cancel() {
    const { bar, row, before } = drag;
    drop();
    bar.setAttribute("x", before.x); bar.setAttribute("width", before.width);
    if (row) { row.dataset.start = before.start; row.dataset.end = before.end; glass.draw?.(); }
  }
  document.addEventListener("pointerup", (event) => {
    if (event.pointerId !== drag?.pointer) return;
    const { bar, side, value } = drag;
    drop();
    if (value !== null) glass.send?.({ kind: side, phrase: bar.dataset.phrase, value: value.toFixed(2) });
  });
  // The finger scrolls the page after all, or the system has taken it away: nothing was moved.
  document.addEventListener("pointercancel", (event) => { if (event.pointerId === drag?.pointer) cancel(); });

  glass.redrawn = () => { showChosen(); count(); glass.follow?.(); };
})();
