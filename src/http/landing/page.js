
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) { button.hidden = true; continue; }
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = "Copied";
    document.getElementById("copied").textContent = "Copied to the clipboard";
    setTimeout(() => { button.textContent = "Copy"; document.getElementById("copied").textContent = ""; }, 2000);
  });
}
