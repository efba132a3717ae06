// Airflow shows the page in a frame that may not move the window, so that a link would open Airflow inside
// of Airflow. The window's own document may move it, and is of the same origin.
for (const link of document.querySelectorAll("a[data-airflow]")) {
  link.addEventListener("click", (event) => {
    if (window.top === window) return;
    event.preventDefault();
    const there = window.top.document.createElement("a");
    there.href = link.href;
    there.click();
  });
}
