"""What is for sale: categories, products, variants, prices, pictures and the words to filter by."""
