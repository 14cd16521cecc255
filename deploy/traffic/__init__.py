"""Live demo traffic: people who post, follow links, buy and send things back, and a marketer who answers them."""
