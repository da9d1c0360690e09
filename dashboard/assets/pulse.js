/* What the server sends every second: prices, stages, what to set. Time is its clock at the last pulse plus what this
   page has run since, so a wrong clock on this machine does not matter, and everything goes stale when it is gone. */
(function (page) {
  "use strict";

  var GONE_AFTER_S = 3.5;   // without a pulse; the server sends one per second
  var RELOAD_AFTER_S = 15;  // server answers again, yet no pulse came: start over

  var beat = page.beat = {
    last: null,             // the last pulse, with all that earlier ones said
    at: 0,                  // performance.now() when it came
    paused: false,
    whilePaused: null       // the sources as they were when Pause was switched on
  };
  var held = {};            // what came while paused
  var healthyFor = 0;       // checks in a row that succeeded while there was no pulse

  function silentFor() { return (performance.now() - beat.at) / 1000; }

  page.now = function () { return beat.last ? beat.last.now_ms + performance.now() - beat.at : Date.now(); };

  page.gone = function () { return beat.last !== null && silentFor() > GONE_AFTER_S; };

  /* Only what has changed is sent. */
  function completed(pulse) {
    ["stages", "sources"].forEach(function (kind) {
      Object.keys(beat.last[kind]).forEach(function (name) {
        pulse[kind][name] = Object.assign({}, beat.last[kind][name], pulse[kind][name]);
      });
    });
    pulse.prices = Object.assign({}, beat.last.prices, pulse.prices);
  }

  page.called({
    pulse: function (pulse) {
      if (!pulse) { return; }
      var fresh = beat.last === null || pulse.now_ms !== beat.last.now_ms;
      if (beat.last !== null) { completed(pulse); }
      beat.last = pulse;
      beat.at = performance.now();
      if (beat.paused) {  // the newest value of everything is shown when the switch is turned back
        pulse.set.forEach(function (one) { held[one[0] + "." + one[1]] = one; });
      } else {
        page.setAll(pulse.set);
        if (fresh) { page.addPrices(pulse.prices); }
      }
      page.render();
    },

    pause: function (wanted) {
      beat.paused = !!wanted;
      beat.whilePaused = beat.paused && beat.last ? beat.last.sources : null;
      document.documentElement.classList.toggle("paused", beat.paused);
      if (!beat.paused) {
        page.setAll(Object.keys(held).map(function (key) { return held[key]; }));
        held = {};
      }
      page.render();
    }
  });

  /* Dash's socket waits up to 30 s between attempts and gives up after ten. The moment the server answers
     again, Dash is told to look: it connects when a page becomes visible. */
  function knock() {
    if (!page.gone()) { healthyFor = 0; return; }
    fetch("api/session", { cache: "no-store" }).then(function (answer) {
      if (answer.status === 401) { page.logIn(); }
      if (!answer.ok) { return; }
      healthyFor += 2;
      document.dispatchEvent(new Event("visibilitychange"));
      if (healthyFor >= RELOAD_AFTER_S && !document.hidden) { location.reload(); }
    }).catch(function () { healthyFor = 0; });
  }

  document.addEventListener("visibilitychange", function () {
    if (!document.hidden && page.byId("fan")) { page.set("visible", { data: Date.now() }); }
  });

  setInterval(page.render, 500);
  setInterval(knock, 2000);
})(window.allocast = window.allocast || {});
