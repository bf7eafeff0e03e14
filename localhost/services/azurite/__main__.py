"""`python -m localhost.services.azurite`: install Azurite now, so that the first start need not."""

from localhost.services.azurite.install import install_azurite

if __name__ == "__main__":
    print(install_azurite())
