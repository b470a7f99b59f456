
if (navigator.clipboard) {
  let timer, forget = () => {};
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const said = document.getElementById("copied");
      forget();
      forget = () => { button.textContent = "Copy"; said.textContent = ""; };
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
        button.textContent = "Copied";
        said.textContent = "Copied to the clipboard";
      } catch {
        said.textContent = "The browser did not let it be copied";
      }
      clearTimeout(timer);
      timer = setTimeout(forget, 2000);
    });
  }
}
