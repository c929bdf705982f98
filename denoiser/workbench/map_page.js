// What happens on a selection in the map page; each callback of Bokeh has this text, then one call.

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, attributes);
  made.append(...children);
  return made;
}

function tile(data, index) {
  const picture = element("img", {src: data.thumbnail[index], alt: data.name[index], title: data.name[index]});
  picture.style.cssText = "max-width:100%; display:block";
  return element("a", {href: data.link[index], target: "_blank"}, picture);
}

function show(source, details, save) {
  const data = source.data;
  const chosen = source.selected.indices;
  const box = element("div", {});
  if (chosen.length === 1) {
    const index = chosen[0];
    const facts = `${data.size[index]} · ${data.date[index]} · noise ${data.noise[index]} · cluster ${data.cluster[index]}`;
    const near = element("div", {}, ...data.near[index].map((other) => tile(data, other)));
    near.style.cssText = "display:grid; grid-template-columns:repeat(4, 1fr); gap:6px";
    const name = element("b", {}, data.path[index]);
    name.style.cssText = "overflow-wrap:anywhere";
    box.append(tile(data, index), name, element("div", {}, facts), element("h3", {}, "Nearest photos"), near);
  } else if (chosen.length > 1) {
    const first = element("div", {}, ...chosen.slice(0, 60).map((other) => tile(data, other)));
    first.style.cssText = "display:grid; grid-template-columns:repeat(5, 1fr); gap:4px; margin-top:6px";
    box.append(element("b", {}, `${chosen.length} photos selected`), first);
  }
  details.text = box.innerHTML;
  save.disabled = chosen.length === 0;
}

function download(source) {
  const data = source.data;
  const quoted = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const lines = source.selected.indices.map((i) => [quoted(data.path[i]), data.cluster[i]].join(","));
  const text = ["path,cluster", ...lines].join("\n") + "\n";
  const link = element("a", {download: "selected.csv", href: URL.createObjectURL(new Blob([text], {type: "text/csv"}))});
  link.click();
  URL.revokeObjectURL(link.href);
}
