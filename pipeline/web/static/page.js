// Plays, seeks, follows: everything that needs no server.
(() => {
  const player = () => document.querySelector("#result-video video");
  let until = null;

  function seek(t, end) {
    const video = player();
    if (!video) return;
    until = end ?? null;
    video.muted = false;
    video.currentTime = t;
    video.play().catch(() => {});
    if (innerWidth < 800) video.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-seek]");
    if (target) seek(parseFloat(target.dataset.seek), target.dataset.until && parseFloat(target.dataset.until));
  });

  // The line that is spoken and the head on the timeline follow the video.
  function follow() {
    const video = player();
    if (!video) return;
    const t = video.currentTime;
    if (until !== null && t >= until) { until = null; video.pause(); }
    document.querySelectorAll("#transcript tr.line").forEach((row) => {
      row.classList.toggle("now", t >= +row.dataset.start && t < +row.dataset.end && !(t === 0 && video.paused));
    });
    const line = document.querySelector("#timeline .timeline");
    const head = line?.querySelector(".head");
    if (head) { head.hidden = false; head.style.left = `${(100 * t) / +line.dataset.duration}%`; }
  }

  // The captions are drawn into the picture already: the subtitles track is there for those who switch it on.
  function quietTracks(video) {
    for (const track of video.textTracks) if (track.mode === "showing" && !video.dataset.captions) track.mode = "disabled";
  }
  document.addEventListener("change", (event) => {
    const box = event.target.closest("#captions input");
    const video = player();
    if (!box || !video) return;
    if (box.checked) video.dataset.captions = "on"; else delete video.dataset.captions;
    for (const track of video.textTracks) track.mode = box.checked ? "showing" : "disabled";
  });

  // On a phone the button stands below what it changes.
  document.addEventListener("click", (event) => {
    if (event.target.closest("#run, #redraw, #examples button")) {
      document.querySelector("#stage")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  });

  // Who goes into a list with a search wants to type a new name, not to add to the one that is there.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("input[role=combobox], #target input, #source input")) setTimeout(() => event.target.select(), 0);
  });
  addEventListener("DOMContentLoaded", () => document.body.classList.add("dark"));

  const grow = (box) => { box.style.height = "auto"; box.style.height = `${box.scrollHeight + 2}px`; };
  document.addEventListener("input", (event) => { if (event.target.matches("#transcript textarea")) grow(event.target); });
  // Enter ends an edit, as in a table; Shift+Enter is not needed: lines are single.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("#transcript textarea, #gallery input.name")) {
      event.preventDefault();
      event.target.blur();
    }
  });

  // The finished example plays by itself, silently, so that the first screen shows what this is; whoever touches it hears it.
  let shown = false;
  function show(video) {
    const example = document.querySelector("#result-title .example");
    if (shown || !example || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    shown = true;
    video.muted = true;
    video.play().then(() => video.addEventListener("pause", () => { video.muted = false; }, { once: true }))
      .catch(() => { video.muted = false; });
  }

  const known = new WeakSet();
  function look() {
    const video = player();
    if (video && !known.has(video)) {
      known.add(video);
      video.addEventListener("timeupdate", follow);
      video.addEventListener("seeked", follow);
      video.textTracks.addEventListener("addtrack", () => quietTracks(video));
      video.textTracks.addEventListener("change", () => quietTracks(video));
      video.setAttribute("playsinline", "");
      show(video);
    }
    if (video) quietTracks(video);
    document.querySelectorAll("#transcript textarea:not([data-grown])").forEach((box) => { box.dataset.grown = "1"; grow(box); });
  }
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; look(); });
  }).observe(document.documentElement, { childList: true, subtree: true });
  addEventListener("resize", () => document.querySelectorAll("#transcript textarea").forEach(grow));

  // The masthead does to a sentence what the video does to speech.
  const SAYINGS = [
    ["Każdy głos ma swoją twarz.", "Every voice has a face."],
    ["言葉は目の前で変わる。", "The words change before your eyes."],
    ["Wer spricht, steht im Licht.", "Whoever speaks is in the light."],
    ["Las palabras flotan sobre quien habla.", "The words float over the one who speaks."],
  ];
  const GLYPHS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789<>/\\|=+";
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const nap = (ms) => new Promise((done) => setTimeout(done, ms));
  async function perform(node) {
    if (calm.matches) return;
    for (let turn = 0; ; turn = (turn + 1) % SAYINGS.length) {
      const [source, translation] = SAYINGS[turn].map((text) => [...text]);
      for (let n = 0; n <= source.length; n++) {
        node.textContent = source.slice(0, n).join("");
        await nap(source[n - 1] === " " ? 70 : 34);
      }
      await nap(900);
      const length = Math.max(source.length, translation.length);
      for (let n = 0; n <= length + 6; n++) {
        if (!node.isConnected) return;
        const settled = translation.slice(0, Math.max(0, n - 6)).join("");
        const noise = Array.from({ length: Math.min(6, n, Math.max(0, length - n + 6)) },
          () => GLYPHS[Math.floor(Math.random() * GLYPHS.length)]).join("");
        node.innerHTML = "";
        node.append(settled);
        const wild = document.createElement("i");
        wild.textContent = noise;
        node.append(wild, source.slice(n).join(""));
        await nap(30);
      }
      node.textContent = translation.join("");
      await nap(3200);
    }
  }
  const stage = setInterval(() => {
    const node = document.querySelector("#masthead .saying span");
    if (node) { clearInterval(stage); perform(node); }
  }, 200);
})();
