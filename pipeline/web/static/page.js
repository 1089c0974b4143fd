// What the whole page does without a server: it asks before something is lost, and grows what is typed into.
(() => {
  const glass = (window.speechglass ??= {});
  const $ = (selector) => document.querySelector(selector);
  const isOpen = () => !!$("#pending .pending.open");
  const isRunning = () => { const stop = $("#stop"); return !!stop && stop.offsetParent !== null; };

  // On a phone the button stands below what it changes.
  document.addEventListener("click", (event) => {
    if (event.target.closest("#run, #redraw, #examples button")) $("#result-video")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });

  // Corrections that are in no video yet are not thrown away without a question.
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#run, #open, #examples button") || !isOpen()) return;
    if (!confirm("Your changes are not in the video yet and will be lost. Continue?")) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);
  let staying = false;
  addEventListener("beforeunload", (event) => {
    if (staying || (!isOpen() && !isRunning())) return;
    event.preventDefault();
    // Gradio closes its stream before anybody has answered: who stays gets the page anew, with the run and the result on it.
    setTimeout(() => { staying = true; location.reload(); }, 500);
  });

  // Who goes into a list with a search wants to type a new name, not to add to the one that is there.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("input[role=combobox], #target input, #source input")) setTimeout(() => event.target.select(), 0);
  });
  addEventListener("DOMContentLoaded", () => document.body.classList.add("dark"));

  // What the server answers while it is typed is sent once the typing pauses or the field is left: a request for each letter
  // of a key or a glossary would be more than a visitor may send.
  const TYPED = "#key input, #again-key input, #glossary textarea", PAUSE_MS = 400, sent = new WeakSet(), held = new Map();
  function release(field) {
    if (!held.has(field)) return;
    clearTimeout(held.get(field));
    held.delete(field);
    const event = new InputEvent("input", { bubbles: true });
    sent.add(event);
    field.dispatchEvent(event);
  }
  addEventListener("input", (event) => {
    const field = event.target;
    if (sent.has(event) || !field.matches?.(TYPED)) return;
    event.stopImmediatePropagation();
    clearTimeout(held.get(field));
    held.set(field, setTimeout(() => release(field), PAUSE_MS));
  }, true);
  addEventListener("blur", (event) => release(event.target), true);
  addEventListener("keydown", (event) => { if (event.key === "Enter") release(event.target); }, true);

  const grow = (box) => { box.style.height = "auto"; box.style.height = `${box.scrollHeight + 2}px`; };
  document.addEventListener("input", (event) => { if (event.target.matches("#transcript textarea")) grow(event.target); });

  const grown = new WeakMap();
  function look() {
    glass.lookAtPlayer?.();
    document.querySelectorAll("#transcript textarea").forEach((box) => { if (grown.get(box) !== box.value) { grown.set(box, box.value); grow(box); } });
  }
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; look(); });
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-original", "data-drawn", "data-play", "data-live", "data-tracks", "data-cuts", "data-texts", "data-position", "data-reveal", "data-calm"] });
  addEventListener("resize", () => document.querySelectorAll("#transcript textarea").forEach(grow));

  // The masthead does to a sentence what the video does to speech: one sentence when the page opens, the next when the
  // pointer comes to it. Text that moves for longer than five seconds would need a button that stops it (WCAG 2.2.2).
  const SAYINGS = [
    ["Każdy głos ma swoją twarz.", "Every voice has a face."],
    ["言葉は目の前で変わる。", "The words change before your eyes."],
    ["Wer spricht, steht im Licht.", "Whoever speaks is in the light."],
    ["Las palabras flotan sobre quien habla.", "The words float above whoever is speaking."],
  ];
  const GLYPHS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789<>/\\|=+";
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const nap = (ms) => new Promise((done) => setTimeout(done, ms));
  let turn = 0, performing = false;
  async function perform(node) {
    if (calm.matches || performing) return;
    performing = true;
    const [source, translation] = SAYINGS[turn++ % SAYINGS.length].map((text) => [...text]);
    for (let n = 0; n <= source.length; n++) {
      node.textContent = source.slice(0, n).join("");
      await nap(source[n - 1] === " " ? 70 : 34);
    }
    await nap(900);
    const length = Math.max(source.length, translation.length);
    for (let n = 0; n <= length + 6; n++) {
      const settled = translation.slice(0, Math.max(0, n - 6)).join("");
      const noise = Array.from({ length: Math.min(6, n, Math.max(0, length - n + 6)) },
        () => GLYPHS[Math.floor(Math.random() * GLYPHS.length)]).join("");
      const wild = document.createElement("i");
      wild.textContent = noise;
      node.replaceChildren(settled, wild, source.slice(n).join(""));
      await nap(30);
    }
    node.textContent = translation.join("");
    performing = false;
  }
  const stage = setInterval(() => {
    const node = document.querySelector("#masthead .saying span");
    if (!node) return;
    clearInterval(stage);
    perform(node);
  }, 200);
  document.addEventListener("pointerover", (event) => {
    const saying = event.target.closest?.("#masthead .saying");
    if (saying && !saying.contains(event.relatedTarget)) perform(saying.querySelector("span"));
  });
})();
