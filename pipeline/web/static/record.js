// Records a clip with the camera and chooses it as the upload. Nothing leaves the page before the upload does.
(() => {
  const $ = (selector) => document.querySelector(selector);
  const say = (text) => { const told = $("#record-said"); if (told) told.textContent = text; };
  const KINDS = ["video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
  let recorder = null, ticking = 0, starting = false;

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  async function start(button) {
    if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) { say("This browser cannot record here; open the page over https, or upload a file."); return; }
    let stream;
    starting = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } }, audio: true });
    } catch (error) {
      say(error.name === "NotAllowedError" ? "The camera is blocked; allow it for this page and try again." : "No camera and microphone were found; connect them, or upload a file.");
      return;
    } finally { starting = false; }
    const kind = KINDS.find((type) => MediaRecorder.isTypeSupported(type)) ?? "", parts = [], begun = performance.now();
    try {
      recorder = new MediaRecorder(stream, kind ? { mimeType: kind } : {});
    } catch {
      stream.getTracks().forEach((track) => track.stop());
      say("This browser cannot record from this camera; upload a file instead.");
      return;
    }
    recorder.ondataavailable = (event) => { if (event.data.size) parts.push(event.data); };
    recorder.onstop = () => {
      clearInterval(ticking);
      stream.getTracks().forEach((track) => track.stop());
      const view = $("#record-view");
      if (view) { view.srcObject = null; view.hidden = true; }
      button.textContent = "Record with the camera";
      const type = recorder.mimeType.split(";")[0] || "video/webm";
      recorder = null;
      choose(new File(parts, `recording.${type.endsWith("mp4") ? "mp4" : "webm"}`, { type }));
    };
    const view = $("#record-view");
    view.srcObject = stream;
    view.hidden = false;
    view.play().catch(() => {});
    recorder.start(1000);
    button.textContent = "Stop recording";
    const most = +button.dataset.most;
    ticking = setInterval(() => {
      const seconds = (performance.now() - begun) / 1000;
      say(`Recording, ${clock(seconds)}`);
      if (seconds >= most - 1) recorder?.stop();
    }, 250);
  }

  // The upload takes one file: what is chosen already makes room.
  async function choose(file) {
    $("#clip button[aria-label*='emove'], #clip button[aria-label*='lear']")?.click();
    for (let n = 0; n < 50 && !$("#clip input[type=file]"); n++) await new Promise((done) => setTimeout(done, 100));
    const input = $("#clip input[type=file]");
    if (!input) { say("The recording could not be chosen; remove the other clip and record again."); return; }
    const data = new DataTransfer();
    data.items.add(file);
    input.files = data.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    say("The recording is now your clip.");
    $("#clip")?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#record");
    if (!button) return;
    if (recorder) recorder.stop(); else if (!starting) start(button);
  });
})();
