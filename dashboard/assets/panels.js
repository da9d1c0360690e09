/* The words and ages of stages, panels and the banner, counted here so that they go on when the server is gone. */
(function (page) {
  "use strict";

  var spoken = {};          // stage -> word last read out

  function age(ms) {
    var s = Math.max(0, Math.round((page.now() - ms) / 1000));  // a moment in the future is "now"
    if (s < 60) { return s + " s"; }
    if (s < 3600) { return Math.floor(s / 60) + " min"; }
    if (s < 86400) { return Math.floor(s / 3600) + " h"; }
    return Math.floor(s / 86400) + (s < 172800 ? " day" : " days");
  }

  function show(name, word, ageText, detail) {
    var stage = page.byId("stage-" + name);
    if (!stage) { return; }
    stage.className = "stage " + word;
    page.write(page.byId("word-" + name), word);
    page.write(page.byId("age-" + name), ageText);
    page.write(page.byId("detail-" + name), detail);
    if (spoken[name] !== word) {
      if (spoken[name]) { page.say(name + ": " + word); }
      spoken[name] = word;
    }
  }

  function old(stage) {
    return stage.state === "live" && stage.stale_after_s !== null
      && (stage.since_ms === null || page.now() - stage.since_ms > stage.stale_after_s * 1000);
  }

  /* What a panel says of itself (panel_states.py), as [state, words]. Everything is old when the server is gone. */
  function panelWords(stage, gone, failing) {
    var had = stage.state !== "loading" && stage.state !== "empty";
    var asOf = "as of " + age(stage.since_ms || page.beat.last.now_ms) + " ago";
    if (gone) { return had ? ["stale", asOf + "; the server does not answer"] : ["error", "the server does not answer"]; }
    if (failing) { return ["stale", "the server could not answer; it is asked again by itself"]; }
    if (stage.state === "live" && page.beat.paused) { return ["paused", asOf]; }
    if (!had || stage.state === "error") {
      return [stage.state, stage.detail + (had && stage.since_ms ? " (" + asOf + ")" : "")];
    }
    var words = [stage.since_ms ? asOf : "", stage.detail].filter(Boolean).join("; ");
    return [old(stage) ? "stale" : stage.state, words];
  }

  function renderPanels(gone) {
    var failing = page.failed(), shown = page.beat.whilePaused || page.beat.last.sources;
    document.querySelectorAll("[data-source]").forEach(function (panel) {
      var stage = shown[panel.dataset.source];
      if (!stage) { return; }
      var said = panelWords(stage, gone, failing.indexOf(panel) >= 0);
      if (panel.dataset.state !== said[0]) { panel.dataset.state = said[0]; }
      page.write(panel.querySelector(".panel-word"), said[0] === "empty" ? "waiting" : said[0]);
      page.write(panel.querySelector(".panel-detail"), said[1].replace(/`([^`]*)`/g, "\u201c$1\u201d"));
    });
  }

  function renderStages(gone) {
    var last = page.beat.last, paused = page.beat.paused;
    if (last === null) {
      ["ticks", "features", "model", "page"].forEach(function (name) { show(name, "waiting", "", "connecting"); });
      return;
    }
    Object.keys(last.stages).forEach(function (name) {
      var stage = last.stages[name];
      var since = stage.since_ms;
      show(name, old(stage) ? "stale" : stage.state, since === null ? "" : age(since), stage.detail);
    });
    show("page", gone ? "error" : paused ? "paused" : "live", age(last.now_ms),
      gone ? "the server does not answer" : paused ? "paused by you" : "connected");
  }

  function renderBanner(gone) {
    var banner = page.byId("offline"), failing = page.trouble();
    if (banner.hidden !== !(gone || failing)) { banner.hidden = !(gone || failing); }
    // The same words every time: an alert that changes is read out again.
    if (gone) {
      page.write(banner, "The server does not answer. What you see is from before; the page goes on by itself when it is back.");
    } else if (failing) {
      page.write(banner, failing);
    }
  }

  page.render = function () {
    if (!page.byId("stage-page")) { return; }
    var gone = page.gone();
    renderStages(gone);
    renderBanner(gone);
    document.querySelectorAll("[data-since]").forEach(function (element) {
      var since = Number(element.getAttribute("data-since"));
      page.write(element, since ? age(since) + " ago" : "\u2013");
    });
    if (page.beat.last !== null) { renderPanels(gone); }
  };
})(window.allocast = window.allocast || {});
