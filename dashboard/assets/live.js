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
  var saying = "";
  var paused = false;
  var whilePaused = null;   // the sources as they were when Pause was switched on
  var held = {};            // what came while paused
  var troubles = {};        // a callback's output -> status of its last answer, while that was a refusal or an error
  var leaving = false;
  var told = {};            // component.property -> its value as it was last set
  var drawn = {};           // component id -> whether Dash draws what is inside
  var settled = null;       // the choice as it was last seen, as JSON
  var questions = 0;        // how often the figures were asked for
  var sliding = null;       // the slider that was touched last, unless something else was touched since
  var asked = null;         // what the figures were asked for last

  function byId(id) { return document.getElementById(id); }
  function now() { return last ? last.now_ms + performance.now() - lastAt : Date.now(); }
  function silentFor() { return (performance.now() - lastAt) / 1000; }

  function write(element, text) {
    if (element && element.textContent !== text) { element.textContent = text; }
  }

  /* Read out at most every five seconds, the newest last. */
  function say(words) {
    if (saying) { saying = words; return; }
    write(byId("spoken"), words);
    saying = " ";
    setTimeout(function () {
      var next = saying;
      saying = "";
      if (next !== " ") { say(next); }
    }, 5000);
  }

  /* A page whose session has ended goes to the log-in and comes back to the same question. */
  function logIn() {
    if (leaving) { return; }
    leaving = true;
    location.assign("login?next=" + encodeURIComponent(location.pathname + location.search));
  }

  /* The socket may go on while the server refuses or fails the callbacks: then the figures are old. */
  var plainFetch = window.fetch;
  window.fetch = function (where, options) {
    var asked = plainFetch.apply(window, arguments);
    if (String(where && where.url || where).indexOf("_dash-update-component") >= 0) {
      var output = /"output":"([^"]*)"/.exec(options && options.body || "");
      var question = output && output[1] === "answer.data" ? ++questions : 0;
      asked.then(function (answer) {
        if (answer.status === 401) { logIn(); }
        if (answer.status === 429 || answer.status >= 500) {
          troubles[output && output[1]] = answer.status;
        } else {
          delete troubles[output && output[1]];
          if (question && answer.ok) { tell(answer.clone(), question); }
        }
        render();
      }, function () { told = {}; });  // nobody there, which is seen by its silence: asked again by its first pulse
    }
    return asked;
  };

  /* The answer to the newest question, written as soon as it is there: Dash would first go through all components some
     twenty times, and it drops an answer when the prices ask again. */
  function tell(answer, question) {
    answer.json().then(function (said) {
      if (question !== questions) { return; }
      delete document.documentElement.dataset.asked;
      setAll(said.response.answer.data);
    });
  }

  /* A slider that is moved sets its number, which is what the figures follow. Not by a callback, for which Dash would
     hold the question back. */
  ["pointerdown", "touchstart", "keydown"].forEach(function (kind) {
    document.addEventListener(kind, function (event) {
      sliding = event.target.closest ? event.target.closest("[id^='slider-']") : null;
    }, { capture: true, passive: true });
  });
  new MutationObserver(function (changes) {
    changes.forEach(function (change) {
      if (!sliding || !sliding.contains(change.target)) { return; }
      var value = parseFloat(change.target.getAttribute("aria-valuenow"));
      window.dash_clientside.set_props("weight-" + sliding.id.slice("slider-".length), { value: value });
    });
  }).observe(document.documentElement, { attributeFilter: ["aria-valuenow"], subtree: true });

  function trouble() {
    var statuses = Object.keys(troubles).map(function (output) { return troubles[output]; });
    if (!statuses.length) { return ""; }
    return statuses.indexOf(429) >= 0
      ? "Too many questions were asked from here. The dimmed figures are from before; they go on by themselves within a minute."
      : "The server could not answer. The dimmed figures are from before; they go on by themselves.";
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
      if (spoken[name]) { say(name + ": " + word); }
      spoken[name] = word;
    }
  }

  function old(stage) {
    return stage.state === "live" && stage.stale_after_s !== null
      && (stage.since_ms === null || now() - stage.since_ms > stage.stale_after_s * 1000);
  }

  /* The panels whose figures a callback could not renew. */
  function failed() {
    var found = [];
    Object.keys(troubles).forEach(function (output) {
      (output.match(/[\w-]+(?=\.)/g) || []).forEach(function (id) {
        var own = byId(id) && byId(id).closest("[data-source]");
        var filled = document.querySelectorAll("[data-filled='" + id + "']");
        (own ? [own] : []).concat(Array.prototype.slice.call(filled)).forEach(function (panel) {
          if (found.indexOf(panel) < 0) { found.push(panel); }
        });
      });
    });
    return found;
  }

  /* What a panel says of itself (panel_states.py), as [state, words]. Everything is old when the server is gone. */
  function panelWords(stage, gone, failing) {
    var had = stage.state !== "loading" && stage.state !== "empty";
    var since = stage.since_ms || last.now_ms;
    var asOf = "as of " + age(since) + " ago";
    if (gone) { return had ? ["stale", asOf + "; the server does not answer"] : ["error", "the server does not answer"]; }
    if (failing) { return ["stale", "the server could not answer; it is asked again by itself"]; }
    if (stage.state === "live" && paused) { return ["paused", asOf]; }
    if (!had || stage.state === "error") {
      return [stage.state, stage.detail + (had && stage.since_ms ? " (" + asOf + ")" : "")];
    }
    var words = [stage.since_ms ? asOf : "", stage.detail].filter(Boolean).join("; ");
    return [old(stage) ? "stale" : stage.state, words];
  }

  function renderPanels(gone) {
    if (last === null) { return; }
    var failing = failed(), shown = whilePaused || last.sources;
    document.querySelectorAll("[data-source]").forEach(function (panel) {
      var stage = shown[panel.dataset.source];
      if (!stage) { return; }
      var said = panelWords(stage, gone, failing.indexOf(panel) >= 0);
      if (panel.dataset.state !== said[0]) { panel.dataset.state = said[0]; }
      write(panel.querySelector(".panel-word"), said[0] === "empty" ? "waiting" : said[0]);
      write(panel.querySelector(".panel-detail"), said[1].replace(/`([^`]*)`/g, "\u201c$1\u201d"));
    });
  }

  function render() {
    if (!byId("stage-page")) { return; }
    var gone = last !== null && silentFor() > GONE_AFTER_S;
    if (last !== null) {
      Object.keys(last.stages).forEach(function (name) {
        var stage = last.stages[name];
        var since = stage.since_ms;
        show(name, old(stage) ? "stale" : stage.state, since === null ? "" : age(since), stage.detail);
      });
      show("page", gone ? "error" : paused ? "paused" : "live", age(last.now_ms),
        gone ? "the server does not answer" : paused ? "paused by you" : "connected");
    } else {
      ["ticks", "features", "model", "page"].forEach(function (name) { show(name, "waiting", "", "connecting"); });
    }
    var banner = byId("offline"), failing = trouble();
    if (banner.hidden !== !(gone || failing)) { banner.hidden = !(gone || failing); }
    // The same words every time: an alert that changes is read out again.
    if (gone) {
      write(banner, "The server does not answer. What you see is from before; the page goes on by itself when it is back.");
    } else if (failing) {
      write(banner, failing);
    }
    document.querySelectorAll("[data-since]").forEach(function (element) {
      var since = Number(element.getAttribute("data-since"));
      write(element, since ? age(since) + " ago" : "\u2013");
    });
    renderPanels(gone);
  }

  /* Dash's socket waits up to 30 s between attempts and gives up after ten. The moment the server answers
     again, Dash is told to look: it connects when a page becomes visible. */
  function knock() {
    if (last === null || silentFor() <= GONE_AFTER_S) { healthyFor = 0; return; }
    fetch("api/session", { cache: "no-store" }).then(function (answer) {
      if (answer.status === 401) { logIn(); }
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

  /* A change is told several times, and Dash draws and asks the server again whenever a property is set, to whatever:
     that is wanted only of a server that could not answer. Texts are written at once, everything else when they can be
     seen: Dash goes through all components for each property that it sets. */
  function setAll(list) {
    var slow = list.filter(function (one) {
      var name = one[0] + "." + one[1], value = JSON.stringify(one[2]);
      if (told[name] === value && !(/tick$/.test(one[0]) && Object.keys(troubles).length)) { return false; }
      told[name] = value;
      return !wrote(one[0], one[1], one[2]);
    });
    if (slow.length) {
      setTimeout(function () {
        slow.forEach(function (one) {
          var props = {};
          props[one[1]] = one[2];
          window.dash_clientside.set_props(one[0], props);
        });
      }, 0);
    }
  }

  /* Whether a text, class or attribute could be written without Dash, which does not look at those that no callback
     of its own changes. An element that once had more than a text inside belongs to Dash. */
  function wrote(id, prop, value) {
    var element = byId(id);
    if (!element || typeof value !== "string" || drawn[id]) {
      if (prop === "children") { drawn[id] = true; }
      return false;
    }
    if (prop === "children") { write(element, value); }
    else if (prop === "className") { element.className = value; }
    else if (/^data-/.test(prop)) { element.setAttribute(prop, value); }
    else { return false; }
    return true;
  }

  /* While paused, the newest value of everything is kept and shown when the switch is turned back. */
  function hold(list) {
    list.forEach(function (one) { held[one[0] + "." + one[1]] = one; });
  }

  function component(type, props) { return { type: type, namespace: "dash_html_components", props: props }; }

  /* As money.py writes it. */
  function profit(value, digits) {
    var text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return (/[1-9]/.test(text) ? (value > 0 ? "+" : "\u2212") : "") + text;
  }

  function ask(path, body) {
    return fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    }).then(function (answer) {
      return answer.json().then(function (said) { return said.answer || said.error || "No answer."; });
    }).catch(function () { return "The server does not answer; nothing was changed."; });
  }

  function png(id) {
    var chart = document.querySelector("#" + id + " .js-plotly-plot");
    if (!chart || !window.Plotly) { return; }
    var paper = getComputedStyle(document.documentElement).getPropertyValue("--panel");
    window.Plotly.toImage(
      { data: chart.data, layout: Object.assign({}, chart.layout, { paper_bgcolor: paper, plot_bgcolor: paper }) },
      { format: "png", width: 1200, height: 640, scale: 2 }
    ).then(function (url) {
      save(url, "allocast-" + id + ".png");
    });
  }

  /* As it is shown, with a plain minus; a text that a spreadsheet would compute is quoted. */
  function cell(element) {
    var text = element.innerText.replace(/\s+/g, " ").trim().replace(/\u2212/g, "-");
    if (/^[=@]|^[+-](?![\d.])/.test(text)) { text = "'" + text; }
    return /[",]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function save(url, name) {
    var link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
  }

  function csv(_, button) {
    var table = (button.closest(".sheet") || button.closest(".panel")).querySelector("table");
    var rows = Array.prototype.map.call(table.rows, function (row) {
      return Array.prototype.map.call(row.cells, cell).join(",");
    });
    var name = table.caption.textContent.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
    var url = URL.createObjectURL(new Blob([rows.join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" }));
    save(url, "allocast-" + name + ".csv");
    setTimeout(function () { URL.revokeObjectURL(url); }, 60000);
  }

  /* On paper the form is one line, and instead of ages there is when it was printed, from which model, and the
     address that shows it again. */
  window.addEventListener("beforeprint", function () {
    var held = Array.prototype.filter.call(document.querySelectorAll("input[id^='weight-']"), function (input) {
      return parseFloat(input.value) > 0;
    }).map(function (input) { return input.value + " " + input.labels[0].textContent; });
    write(byId("asked"), (byId("amount").value + " " + byId("currency").value).trim() + ": " + held.join(", "));
    write(byId("printed"), "Printed " + new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC, model "
      + JSON.parse(told["model-version.children"] || '"unknown"') + ", " + location.href);
  });

  var tasks = {
    copy: function (_, button) {
      var before = button.textContent;
      var done = function (word) {
        button.textContent = word;
        write(byId("spoken"), word);
        setTimeout(function () { button.textContent = before; }, 1500);
      };
      if (!navigator.clipboard) { done("Copy the address above"); return; }
      navigator.clipboard.writeText(location.href).then(
        function () { done("Copied"); },
        function () { done("Copy the address above"); }
      );
    },
    print: function () { window.print(); },
    chain: function (version) {
      window.dash_clientside.set_props("chain-version", { value: version });
      var panel = byId("panel-chain");
      panel.scrollIntoView({ block: "start" });
      panel.querySelector("input").focus({ preventScroll: true });
    },
    png: png,
    csv: csv
  };

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-does]");
    if (!button) { return; }
    var parts = button.getAttribute("data-does").split(":");
    if (tasks[parts[0]]) { tasks[parts[0]](parts[1], button); }
  });

  /* What only the operator may do is hidden from others; the server refuses it in any case. */
  fetch("api/session", { cache: "no-store" }).then(function (answer) { return answer.json(); }).then(function (who) {
    document.documentElement.dataset.role = who.role || "";
    document.documentElement.dataset.login = who.login ? "yes" : "no";
  }).catch(function () { document.documentElement.dataset.role = "viewer"; });

  document.addEventListener("visibilitychange", function () {
    if (!document.hidden && byId("fan")) { window.dash_clientside.set_props("visible", { data: Date.now() }); }
  });

  setInterval(render, 500);
  setInterval(knock, 2000);

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.allocast = {
    pulse: function (pulse) {
      if (!pulse) { return; }
      var fresh = last === null || pulse.now_ms !== last.now_ms;
      if (last !== null) {  // only what has changed is sent
        ["stages", "sources"].forEach(function (kind) {
          Object.keys(last[kind]).forEach(function (name) {
            pulse[kind][name] = Object.assign({}, last[kind][name], pulse[kind][name]);
          });
        });
        pulse.prices = Object.assign({}, last.prices, pulse.prices);
      }
      last = pulse;
      lastAt = performance.now();
      if (paused) { hold(pulse.set); render(); return; }
      setAll(pulse.set);
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

    pause: function (wanted) {
      paused = !!wanted;
      whilePaused = paused && last ? last.sources : null;
      document.documentElement.classList.toggle("paused", paused);
      if (!paused) {
        setAll(Object.keys(held).map(function (key) { return held[key]; }));
        held = {};
      }
      render();
    },

    /* The query of an address that has one; without one the page is as it was sent. */
    open: function (search) {
      var skip = window.dash_clientside.no_update;
      return search ? [search, skip] : [skip, true];
    },

    /* Prices ask for new figures only while somebody looks at them; another model does in any case. */
    look: function (view, tick, model) {
      var another = asked === null || asked[1] !== model;
      if (!another && (view !== "money" || document.hidden)) { return window.dash_clientside.no_update; }
      asked = [tick, model];
      return asked;
    },

    /* The fan's numbers in its frame, and as the rows of its table. */
    fan: function (given, frame) {
      var skip = window.dash_clientside.no_update;
      if (!given) { return [skip, skip]; }
      var figure = JSON.parse(JSON.stringify(frame).replace(/\.0f/g, "." + given.digits + "f"));
      var lines = figure.data, layout = figure.layout, first = -given.past.length;
      var longest = Math.max.apply(null, given.x);
      given.y.forEach(function (values, at) { lines[at].x = given.x; lines[at].y = values; });
      lines[4].customdata = given.x.map(function (_, at) { return [given.y[0][at], given.y[1][at]]; });
      if (given.past.length) {
        lines[5].x = given.past.map(function (_, at) { return first + at; }).concat(0);
        lines[5].y = given.past.concat(0);
      } else {
        lines.pop();
      }
      layout.xaxis.range = [first - longest * 0.02, longest * 1.02];
      Object.assign(layout.shapes[2], { x0: given.horizon, x1: given.horizon });
      Object.assign(layout.annotations[1], {
        x: given.horizon, xanchor: given.horizon > longest / 2 ? "right" : "left"
      });
      var rows = given.x.map(function (session, at) {
        var cells = [0, 2, 4, 3, 1].map(function (line) {
          return component("Td", { children: profit(given.y[line][at], given.digits) });
        });
        return component("Tr", { children: [component("Th", { children: session, scope: "row" })].concat(cells) });
      });
      return [figure, rows.filter(function (_, at) { return given.x[at] > 0; })];
    },

    /* Passes on what a view needs while it is open: the server is not asked for what nobody sees. */
    gate: function (view) {
      var which = window.dash_clientside.callback_context.outputs_list.id.slice(3);
      if (view !== (which === "frontier" ? "compare" : which)) { return window.dash_clientside.no_update; }
      return Array.prototype.slice.call(arguments, 1);
    },

    /* The whole choice, when it is another one than before; a page without a query starts with one that needs none. */
    settle: function () {
      var now = Array.prototype.slice.call(arguments, 2), before = settled;
      settled = JSON.stringify(now);
      var known = before === null ? !location.search : before === settled;
      return known ? window.dash_clientside.no_update : now;
    },

    mine: function () {
      return Array.prototype.slice.call(arguments, 1).map(function (value) { return (parseFloat(value) || 0) + " %"; });
    },

    /* The address holds the choice; nothing is loaded again. */
    address: function (query) {
      if (typeof query !== "string") { return; }
      history.replaceState(history.state, "", location.pathname + query);
      ["figures", "scenarios"].forEach(function (name) {
        var link = byId("csv-" + name);
        if (link) { link.setAttribute("href", "download/" + name + ".csv" + query); }
      });
    },

    operate: function (retrain, rollback, version) {
      var which = window.dash_clientside.callback_context.triggered_id;
      if (which === "retrain" && retrain) { return ask("api/retrain", {}); }
      if (which === "rollback" && rollback) {
        if (!version) { return "Choose the model first."; }
        return ask("api/rollback", { version: version });
      }
      return window.dash_clientside.no_update;
    },

    trail: function (prices) {
      Object.keys(prices || {}).forEach(function (id) {
        trails[id] = prices[id].slice(-POINTS);
        spark(id);
      });
    },

    /* The slider follows its number. */
    pair: function (number, slider) {
      var value = parseFloat(number);
      var shown = isFinite(value) ? Math.min(100, Math.max(0, value)) : 0;
      return shown === slider ? window.dash_clientside.no_update : shown;
    },

    draw: function (figure, told, templates) {
      var template = templates[told === "dark" || (!told && scheme() === "dark") ? "dark" : "light"];
      var layout = Object.assign({}, figure.layout, { template: template });
      return { data: figure.data, layout: layout };
    }
  };
})();
