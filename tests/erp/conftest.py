"""The shared parts of these tests explain their failed assertions like a test module does."""

import pytest

for shared in ("port_contract", "contract_commands", "wire"):
    pytest.register_assert_rewrite(f"erp.{shared}")
