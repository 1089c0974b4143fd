// The player: the original with captions drawn live over it, or the finished video. Needs no server.
(() => {
  const glass = (window.speechglass ??= {});
  const $ = (selector) => document.querySelector(selector);
  const video = () => $("#result-video video");
  const rows = () => document.querySelectorAll("#transcript .line");
  let shown = {}, tracks = {}, cuts = [], view = "drawn", until = null, played = "", lived = "", first = true, broken = "";

  glass.time = () => video()?.currentTime ?? 0;
  glass.seek = (t, { play = true, end = null } = {}) => {
    const player = video();
    if (!player) return;
    until = end;
    if (play) { player.muted = false; player.currentTime = t; player.play().catch(() => {}); } else if (player.paused) player.currentTime = t;
  };
  glass.toggle = () => { const v = video(); if (v) { v.muted = false; if (v.paused) v.play().catch(() => {}); else v.pause(); } };

  // --- what is shown

  function setView(wanted) {
    const player = video(), box = $("#result-video .player");
    if (!player || !box) return;
    if (wanted === "live" && (!shown.original || broken === shown.original)) wanted = "drawn";
    if (wanted === "drawn" && !shown.drawn && shown.original && broken !== shown.original) wanted = "live";
    view = wanted;
    const address = (view === "live" ? shown.original : shown.drawn) || "";
    box.dataset.view = view;
    box.querySelector(".unplayable").hidden = broken !== shown.original || !broken || (view === "drawn" && !!shown.drawn);
    document.querySelectorAll("#result-video .views button").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
      button.disabled = button.dataset.view === "live" ? !shown.original || broken === shown.original : !shown.drawn;
    });
    if (player.getAttribute("src") !== address) {
      const t = player.currentTime, going = !player.paused;
      player.poster = view === "drawn" && shown.poster ? shown.poster : "";
      if (address) player.src = address; else { player.removeAttribute("src"); player.load(); }
      if (t > 0.1 && shown.keep) player.addEventListener("loadedmetadata", () => { player.currentTime = Math.min(t, player.duration || t); }, { once: true });
      if (going && address && shown.keep) player.play().catch(() => {});
    }
    const track = player.querySelector("track");
    if (track && (track.getAttribute("src") || "") !== (shown.subtitles || "")) {
      if (shown.subtitles) track.src = shown.subtitles; else track.removeAttribute("src");
    }
    quiet();
    draw();
  }
  glass.setView = setView;

  function start(player, muted) {
    player.muted = muted;
    player.play().catch(() => { player.muted = true; player.play().catch(() => {}); });
  }

  // The sources changed: another clip, a new drawing, or other faces under the same names.
  function take() {
    const data = $("#shown")?.dataset ?? {};
    const next = { original: data.original || "", drawn: data.drawn || "", poster: data.poster || "", subtitles: data.subtitles || "",
      texts: data.texts || "morph", position: data.position || "auto", reveal: data.reveal || "live", calm: data.calm === "yes", play: data.play || "", live: data.live || "", tracks: data.tracks || "{}", cuts: data.cuts || "[]" };
    if (JSON.stringify(next) === JSON.stringify({ ...shown, keep: undefined }) && !first) return;
    const newClip = next.original !== shown.original, newVideo = next.drawn !== shown.drawn;
    if (next.tracks !== shown.tracks) { try { tracks = JSON.parse(next.tracks); } catch { tracks = {}; } }
    if (next.cuts !== shown.cuts) { try { cuts = JSON.parse(next.cuts); } catch { cuts = []; } }
    shown = { ...next, keep: !newClip };
    const player = video();
    if (!player) { shown = {}; return; }
    if (newClip || newVideo || first) setView(next.drawn ? "drawn" : "live"); else setView(view);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (next.play && next.play !== played && next.drawn) { played = next.play; player.currentTime = 0; start(player, false); }
    else if (first && $("#result-title .example") && !calm) { start(player, true); }
    if (next.live && next.live !== lived) { lived = next.live; setView("live"); }
    first = false;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#result-video .views button");
    if (button) setView(button.dataset.view);
    const target = event.target.closest("[data-seek]");
    if (target && !target.dataset.dragged) {
      glass.seek(parseFloat(target.dataset.seek), { end: target.dataset.until ? parseFloat(target.dataset.until) : null });
    } else if (!event.target.closest("button, input, select, textarea, summary, details, a")) {
      const row = event.target.closest("#transcript .line");
      if (row && getSelection().isCollapsed) glass.seek(+row.dataset.start);
    }
  });
  // Whoever corrects a line sees it over the picture.
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("#transcript .line");
    if (row && event.target.matches("textarea")) glass.seek(+row.dataset.start + Math.min(0.4, (row.dataset.end - row.dataset.start) / 2), { play: false });
  });
  document.addEventListener("input", (event) => {
    if (!event.target.closest("#transcript .line")) return;
    if (view !== "live" && shown.original && broken !== shown.original) setView("live");
    draw();
  });

  // --- captions

  function place(person, t) {
    for (const boxes of tracks[person] ?? []) {
      if (t < boxes[0][0] - 0.1 || t > boxes[boxes.length - 1][0] + 0.1) continue;
      let i = boxes.findIndex((box) => box[0] >= t);
      if (i < 0) i = boxes.length - 1;
      const a = boxes[Math.max(0, i - 1)], b = boxes[i], share = b[0] > a[0] ? Math.min(1, Math.max(0, (t - a[0]) / (b[0] - a[0]))) : 1;
      return [1, 2, 3, 4].map((k) => a[k] + (b[k] - a[k]) * share);
    }
    return null;
  }

  // A voice off screen stands at the edge of the picture behind which it is, as in the finished video (_side and _settle in
  // pipeline/subtitles/place.py), unless its face is in view for another line of the shot.
  const CENTRED = 0.1, NEAR_S = 0.5, SEEN_S = 0.1;
  const shotAt = (t) => cuts.filter((cut) => cut <= t + 0.02).length;
  const within = (start, end, shot) => [Math.max(start, cuts[shot - 1] ?? 0), Math.min(end, cuts[shot] ?? Infinity)];
  const spans = (person, shot) => (tracks[person] ?? []).map((boxes) => ({ ends: [boxes[0], boxes[boxes.length - 1]], first: boxes[0][0], last: boxes[boxes.length - 1][0] }))
    .filter(({ first, last }) => shotAt(first) <= shot && shotAt(Math.max(first, last - 0.05)) >= shot);
  function isLed(views, start, end, shot) {
    const [from, to] = within(start, end, shot), length = to - from;
    if (length <= 0) return false;
    const found = views.map(({ first, last }) => within(first - SEEN_S, last + SEEN_S, shot));
    const seen = found.reduce((sum, [first, last]) => sum + Math.max(0, Math.min(to, last) - Math.max(from, first)), 0);
    if (seen > 0) return seen >= Math.min(0.4 * length, length - NEAR_S);
    return found.some(([, last]) => last <= from && from - last <= NEAR_S) && found.some(([first]) => first >= to && first - to <= NEAR_S);
  }
  glass.edge = (person, start, end, t) => {
    const shot = shotAt(t), [from] = within(start, end, shot), views = spans(person, shot);
    for (const row of rows()) if (row.dataset.person === person && isLed(views, +row.dataset.start, +row.dataset.end, shot)) return "";
    for (const near of [shot, shot - 1, shot + 1]) {
      const seen = spans(person, near).flatMap(({ ends, last }) => ends.map((box) => ({ box, later: last + SEEN_S > from, away: Math.abs(box[0] - from) })));
      const [nearest] = seen.sort((a, b) => a.later - b.later || a.away - b.away);
      const off = nearest ? (nearest.box[1] + nearest.box[3]) / 2 - 0.5 : 0;
      if (Math.abs(off) > CENTRED) return off < 0 ? "left" : "right";
    }
    return "";
  };
  const said = (row, kind) => { const e = row.querySelector("." + kind); return (e ? (e.value ?? e.textContent) : "").trim(); };

  // What stands at `at` s of a line that takes `length` s: the schedule of the finished video (pipeline/subtitles/schedule.py),
  // the line whole, then the original, which turns into the translation letter by letter.
  glass.reveal = (source, translation, at, length, reveal, calm) => {
    if (reveal === "none") return ["", translation];
    const short = length < 0.5, hold = reveal === "spoken" ? length : short ? 0.2 : length >= 5 ? 0 : 0.25;
    const turn = reveal === "spoken" ? Math.min(1.1, Math.max(0.5, 0.02 * translation.length)) : short ? 0.2 : 0.5 + 0.1 * length;
    if (at < hold) return [reveal === "spoken" && !calm ? source.slice(0, Math.ceil((source.length * at) / Math.max(0.1, 0.95 * length))) : source, ""];
    const share = (at - hold) / turn;
    if (share >= 1) return ["", translation];
    if (calm) return [source, ""];
    return ["", translation.slice(0, Math.floor(translation.length * share)) + source.slice(Math.floor(source.length * share))];
  };
  // A line stays until it can have been read, at 17 characters a second, or somebody says something else.
  function stays(row, start, end) {
    if (video()?.paused) return end;
    const spoken = shown.reveal === "spoken", text = said(row, "translation") || said(row, "source");
    const wanted = (spoken ? end : start) + Math.max(1, text.length / 17) + 0.5;
    let next = Infinity;
    for (const other of rows()) if (other !== row && +other.dataset.start >= end - 0.05) next = Math.min(next, +other.dataset.start);
    return Math.max(end, Math.min(Math.max(end + 0.3, wanted), next));
  }

  function draw() {
    const player = video(), live = $("#result-video .live");
    if (!player || !live) return;
    if (view !== "live") { if (live.firstChild) live.textContent = ""; return; }
    const t = player.currentTime, frame = player.getBoundingClientRect(), outer = live.getBoundingClientRect();
    const width = player.videoWidth || 16, height = player.videoHeight || 9, scale = Math.min(frame.width / width, frame.height / height);
    const left = frame.left - outer.left + (frame.width - width * scale) / 2, top = frame.top - outer.top + (frame.height - height * scale) / 2;
    const wanted = [];
    let low = 0;
    for (const row of rows()) {
      const start = +row.dataset.start, end = +row.dataset.end;
      if (t < start || t >= stays(row, start, end)) continue;
      let source = said(row, "source"), translation = said(row, "translation");
      if (shown.texts === "original" || !translation) translation = "";
      else if (shown.texts === "translation") source = "";
      else if (shown.texts === "morph" && !player.paused) [source, translation] = glass.reveal(source, translation, t - start, end - start, shown.reveal, shown.calm);
      const box = shown.position === "bottom" ? null : place(row.dataset.person, t);
      const edge = box || shown.position === "bottom" || !row.dataset.person ? "" : glass.edge(row.dataset.person, start, end, t);
      const x = box ? left + ((box[0] + box[2]) / 2) * width * scale : left + (width * scale) / 2;
      const y = box ? top + (box[1] - 0.03) * height * scale : top + height * scale * 0.86 - 58 * low++;
      wanted.push({ row, source, translation, x, y, edge, name: row.dataset.name || "" });
    }
    while (live.children.length > wanted.length) live.lastChild.remove();
    wanted.forEach((cap, i) => {
      let node = live.children[i];
      if (!node) { node = document.createElement("div"); node.className = "cap"; for (const tag of ["b", "span", "strong"]) node.append(document.createElement(tag)); live.append(node); }
      [cap.name, cap.source, cap.translation].forEach((text, k) => { if (node.children[k].textContent !== text) node.children[k].textContent = text; });
      node.style.setProperty("--who", cap.row.style.getPropertyValue("--who"));
      node.dataset.edge = cap.edge;
      const half = Math.min(node.offsetWidth / 2, outer.width / 2), x = { left: left + half, right: left + width * scale - half }[cap.edge] ?? cap.x;
      node.style.left = `${Math.min(outer.width - half, Math.max(half, x))}px`;
      node.style.top = `${Math.max(node.offsetHeight, cap.y)}px`;
    });
  }
  glass.draw = draw;

  // The line that is spoken and the head on the timeline follow the video.
  function follow() {
    const player = video();
    if (!player) return;
    const t = player.currentTime;
    if (until !== null && t >= until) { until = null; player.pause(); }
    for (const row of rows()) row.classList.toggle("now", t >= +row.dataset.start && t < +row.dataset.end && !(t === 0 && player.paused));
    const line = $("#timeline .timeline"), head = line?.querySelector(".head");
    if (head) { head.hidden = false; head.style.left = `${(100 * t) / +line.dataset.duration}%`; }
    draw();
  }
  glass.follow = follow;
  function tick() { const player = video(); if (player && !player.paused) { follow(); requestAnimationFrame(tick); } }

  // The captions are in the finished picture already: the subtitles track is there for those who switch it on.
  function quiet() {
    const on = $("#captions")?.checked;
    for (const track of video()?.textTracks ?? []) { const mode = on ? "showing" : "disabled"; if (track.mode !== mode) track.mode = mode; }
  }
  document.addEventListener("change", (event) => { if (event.target.id === "captions") quiet(); });

  const known = new WeakSet();
  glass.lookAtPlayer = () => {
    const player = video();
    if (player && !known.has(player)) {
      known.add(player);
      first = true;
      for (const name of ["timeupdate", "seeked", "loadedmetadata"]) player.addEventListener(name, follow);
      player.addEventListener("play", () => { requestAnimationFrame(tick); });
      player.addEventListener("pause", () => { if (player.muted && player.currentTime > 0) player.muted = false; });
      player.addEventListener("error", () => {
        if (view === "live" && shown.original) { broken = shown.original; setView("drawn"); }
      });
      player.textTracks.addEventListener("change", quiet);
      new ResizeObserver(draw).observe(player);
    }
    take();
    quiet();
  };
})();
