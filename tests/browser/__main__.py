"""`python -m tests.browser`: install the browser now, so that the first test need not."""

from tests.browser.install import install_browser

if __name__ == "__main__":
    install_browser()
