/* Vouch for storefronts: keeps who sent the visitor (`ref`, `vclid`) in the cart, so that the order says so. */
(function () {
  "use strict";
  var KEY = "vouch", LIFE = 30 * 24 * 3600 * 1000;
  var proxy = (document.currentScript && document.currentScript.getAttribute("data-proxy")) || "/apps/vouch";
  var query = new URLSearchParams(location.search);
  var memory = null;

  function load() {
    try { memory = JSON.parse(localStorage.getItem(KEY)) || memory; } catch (e) { /* storage is off: this page only */ }
    return memory && Date.now() - memory.at < LIFE ? memory : null;
  }
  function keep(ref, click) {
    memory = { ref: ref, click: click, at: Date.now() };
    try { localStorage.setItem(KEY, JSON.stringify(memory)); } catch (e) { /* as above */ }
    return memory;
  }
  function toCart(found) {
    return fetch("/cart/update.js", {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ attributes: { _vouch_ref: found.ref, _vouch_click: found.click } })
    });
  }
  function bind(ref) {
    return fetch(proxy + "/attribution", {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ref: ref })
    }).then(function (answer) { return answer.ok ? answer.json() : Promise.reject(answer.status); })
      .then(function (bound) { return keep(bound.ref, bound.click_id); });
  }

  var ref = query.get("ref"), click = query.get("vclid"), known = load(), found;
  if (ref && click) found = Promise.resolve(keep(ref, click));
  else if (ref && !(known && known.ref.toUpperCase() === ref.toUpperCase())) found = bind(ref);
  else if (known) found = Promise.resolve(known);
  if (found) found.then(toCart).catch(function () { /* the shop works without us */ });

  window.vouch = {
    attribution: load,
    rewards: function (language) {
      return fetch(proxy + "/rewards" + (language ? "?lang=" + encodeURIComponent(language) : ""), { credentials: "same-origin" })
        .then(function (answer) { return answer.json(); });
    },
    claim: function (grant) {
      return fetch(proxy + "/rewards/" + encodeURIComponent(grant) + "/claim", { method: "POST", credentials: "same-origin" })
        .then(function (answer) { return answer.json(); });
    }
  };
})();
