/* What the server says, written into the page as it comes; and what it refused or failed to say. */
(function (page) {
  "use strict";

  var troubles = {};        // a callback's output -> status of its last answer, while that was a refusal or an error
  var told = {};            // component.property -> its value as it was last set, as JSON
  var drawn = {};           // component id -> whether Dash draws what is inside
  var questions = 0;        // how often the figures were asked for
  var asked = null;         // what the figures were asked for last
  var leaving = false;

  /* A page whose session has ended goes to the log-in and comes back to the same question. */
  page.logIn = function () {
    if (leaving) { return; }
    leaving = true;
    location.assign("login?next=" + encodeURIComponent(location.pathname + location.search));
  };

  /* The socket may go on while the server refuses or fails the callbacks: then the figures are old. */
  var plainFetch = window.fetch;
  window.fetch = function (where, options) {
    var asking = plainFetch.apply(window, arguments);
    if (String(where && where.url || where).indexOf("_dash-update-component") >= 0) {
      var output = /"output":"([^"]*)"/.exec(options && options.body || "");
      var question = output && output[1] === "answer.data" ? ++questions : 0;
      asking.then(function (answer) {
        if (answer.status === 401) { page.logIn(); }
        if (answer.status === 429 || answer.status >= 500) {
          troubles[output && output[1]] = answer.status;
        } else {
          delete troubles[output && output[1]];
          if (question && answer.ok) { tell(answer.clone(), question); }
        }
        page.render();
      }, function () { told = {}; });  // nobody there, which is seen by its silence: asked again by its first pulse
    }
    return asking;
  };

  /* The answer to the newest question, written as soon as it is there: Dash would first go through all components some
     twenty times, and it drops an answer when the prices ask again. */
  function tell(answer, question) {
    answer.json().then(function (said) {
      if (question !== questions) { return; }
      delete document.documentElement.dataset.asked;
      page.setAll(said.response.answer.data);
    });
  }

  /* A change is told several times, and Dash draws and asks the server again whenever a property is set, to whatever:
     that is wanted only of a server that could not answer. Texts are written at once, everything else when they can be
     seen: Dash goes through all components for each property that it sets. */
  page.setAll = function (list) {
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
          page.set(one[0], props);
        });
      }, 0);
    }
  };

  /* Whether a text, class or attribute could be written without Dash, which does not look at those that no callback
     of its own changes. An element that once had more than a text inside belongs to Dash. */
  function wrote(id, prop, value) {
    var element = page.byId(id);
    if (!element || typeof value !== "string" || drawn[id]) {
      if (prop === "children") { drawn[id] = true; }
      return false;
    }
    if (prop === "children") { page.write(element, value); }
    else if (prop === "className") { element.className = value; }
    else if (/^data-/.test(prop)) { element.setAttribute(prop, value); }
    else { return false; }
    return true;
  }

  /* The last value that was set, undefined before the first. */
  page.told = function (name) { return told[name] === undefined ? undefined : JSON.parse(told[name]); };

  /* In words; empty when the server answers. */
  page.trouble = function () {
    var statuses = Object.keys(troubles).map(function (output) { return troubles[output]; });
    if (!statuses.length) { return ""; }
    return statuses.indexOf(429) >= 0
      ? "Too many questions were asked from here. The dimmed figures are from before; they go on by themselves within a minute."
      : "The server could not answer. The dimmed figures are from before; they go on by themselves.";
  };

  /* The panels whose figures a callback could not renew. */
  page.failed = function () {
    var found = [];
    Object.keys(troubles).forEach(function (output) {
      (output.match(/[\w-]+(?=\.)/g) || []).forEach(function (id) {
        var own = page.byId(id) && page.byId(id).closest("[data-source]");
        var filled = document.querySelectorAll("[data-filled='" + id + "']");
        (own ? [own] : []).concat(Array.prototype.slice.call(filled)).forEach(function (panel) {
          if (found.indexOf(panel) < 0) { found.push(panel); }
        });
      });
    });
    return found;
  };

  page.called({
    /* Prices ask for new figures only while somebody looks at them; another model does in any case. */
    look: function (view, tick, model) {
      var another = asked === null || asked[1] !== model;
      if (!another && (view !== "money" || document.hidden)) { return window.dash_clientside.no_update; }
      asked = [tick, model];
      return asked;
    },

    /* Passes on what a view needs while it is open: the server is not asked for what nobody sees. */
    gate: function (view) {
      var which = window.dash_clientside.callback_context.outputs_list.id.slice(3);
      if (view !== (which === "frontier" ? "compare" : which)) { return window.dash_clientside.no_update; }
      return Array.prototype.slice.call(arguments, 1);
    }
  });
})(window.allocast = window.allocast || {});
