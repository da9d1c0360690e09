/* What the browser does without the server: ages, words, sparklines, the chart's theme.
   Ages are counted from the server's clock at the last pulse plus the time this page has run since, so a
   wrong clock on this machine does not matter, and everything goes stale when the server is gone. */
(function () {
  "use strict";

  var GONE_AFTER_S = 3.5;   // without a pulse; the server sends one per second
  var RELOAD_AFTER_S = 15;  // server answers again, yet no pulse came: start over
  var POINTS = 120;

  var last = null;          // the last pulse
  var lastAt = 0;           // performance.now() when it came
  var healthyFor = 0;       // checks in a row that succeeded while there was no pulse
  var trails = {};          // asset id -> recent prices, oldest first
  var spoken = {};          // stage -> word last read out

  function byId(id) { return document.getElementById(id); }
  function now() { return last ? last.now_ms + performance.now() - lastAt : Date.now(); }
  function silentFor() { return (performance.now() - lastAt) / 1000; }

  function write(element, text) {
    if (element && element.textContent !== text) { element.textContent = text; }
  }

  function age(ms) {
    var s = Math.max(0, Math.round((now() - ms) / 1000));  // a moment in the future is "now"
    if (s < 60) { return s + " s"; }
    if (s < 3600) { return Math.floor(s / 60) + " min"; }
    if (s < 86400) { return Math.floor(s / 3600) + " h"; }
    return Math.floor(s / 86400) + (s < 172800 ? " day" : " days");
  }

  function show(name, word, ageText, detail) {
    var stage = byId("stage-" + name);
    if (!stage) { return; }
    stage.className = "stage " + word;
    write(byId("word-" + name), word);
    write(byId("age-" + name), ageText);
    write(byId("detail-" + name), detail);
    if (spoken[name] !== word) {
      if (spoken[name]) { write(byId("spoken"), name + ": " + word); }
      spoken[name] = word;
    }
  }

  function render() {
    if (!byId("stage-page")) { return; }
    var gone = last !== null && silentFor() > GONE_AFTER_S;
    if (last !== null) {
      Object.keys(last.stages).forEach(function (name) {
        var stage = last.stages[name];
        var since = stage.since_ms;
        var word = stage.state;
        if (word === "live" && (since === null || now() - since > stage.stale_after_s * 1000)) { word = "stale"; }
        show(name, word, since === null ? "" : age(since), stage.detail);
      });
      show("page", gone ? "error" : "live", age(last.now_ms), gone ? "the server does not answer" : "connected");
    } else {
      ["ticks", "features", "model", "page"].forEach(function (name) { show(name, "waiting", "", "connecting"); });
    }
    var banner = byId("offline");
    if (banner.hidden !== !gone) { banner.hidden = !gone; }
    if (gone) {  // the same words every time: an alert that changes is read out again
      write(banner, "The server does not answer. What you see is from before; the page goes on by itself when it is back.");
    }
    document.querySelectorAll("[data-since]").forEach(function (element) {
      var since = Number(element.getAttribute("data-since"));
      write(element, since ? age(since) + " ago" : "\u2013");
    });
    document.documentElement.classList.toggle("gone", gone);
  }

  /* Dash's socket waits up to 30 s between attempts and gives up after ten. The moment the server answers
     again, Dash is told to look: it connects when a page becomes visible. */
  function knock() {
    if (last === null || silentFor() <= GONE_AFTER_S) { healthyFor = 0; return; }
    fetch("healthz", { cache: "no-store" }).then(function (answer) {
      if (!answer.ok) { return; }
      healthyFor += 2;
      document.dispatchEvent(new Event("visibilitychange"));
      if (healthyFor >= RELOAD_AFTER_S && !document.hidden) { location.reload(); }
    }).catch(function () { healthyFor = 0; });
  }

  function spark(id) {
    var box = byId("spark-" + id), prices = trails[id];
    if (!box || !prices || prices.length < 2) { return; }
    var low = Math.min.apply(null, prices), high = Math.max.apply(null, prices), span = high - low || 1;
    var points = prices.map(function (price, i) {
      return (i / (prices.length - 1) * 100).toFixed(1) + "," + (26 - (price - low) / span * 24).toFixed(1);
    });
    box.innerHTML = '<svg viewBox="0 0 100 28" preserveAspectRatio="none"><polyline points="' + points.join(" ")
      + '"/></svg>';
  }

  /* Mantine writes the scheme in use on <html>; its toggle tells Dash only about clicks, not about the start
     or the system's changes. */
  function scheme() { return document.documentElement.getAttribute("data-mantine-color-scheme") || "light"; }
  function announce() {
    if (byId("fan")) { window.dash_clientside.set_props("scheme-now", { data: scheme() }); }
  }
  new MutationObserver(announce).observe(document.documentElement, {
    attributeFilter: ["data-mantine-color-scheme"]
  });

  setInterval(render, 500);
  setInterval(knock, 2000);

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.allocast = {
    pulse: function (pulse) {
      if (!pulse) { return; }
      var fresh = last === null || pulse.now_ms !== last.now_ms;
      last = pulse;
      lastAt = performance.now();
      if (fresh) {
        Object.keys(pulse.prices).forEach(function (id) {
          var trail = trails[id] = trails[id] || [];
          trail.push(pulse.prices[id]);
          if (trail.length > POINTS) { trail.shift(); }
          spark(id);
        });
      }
      render();
    },

    trail: function (prices) {
      Object.keys(prices || {}).forEach(function (id) {
        trails[id] = prices[id].slice(-POINTS);
        spark(id);
      });
    },

    /* Number and slider of one asset: the one that was touched moves the other. */
    pair: function (number, slider) {
      var skip = window.dash_clientside.no_update;
      var touched = window.dash_clientside.callback_context.triggered_id || "";
      if (touched.indexOf("slider-") === 0) { return [slider, skip]; }
      var value = parseFloat(number);
      return [skip, isFinite(value) ? Math.min(100, Math.max(0, value)) : 0];
    },

    draw: function (figure, told, templates) {
      var template = templates[told === "dark" || (!told && scheme() === "dark") ? "dark" : "light"];
      var layout = Object.assign({}, figure.layout, { template: template });
      return { data: figure.data, layout: layout };
    }
  };
})();
